// The flow page loads the document and what nodes can be; the editor works on a draft.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { get, seg } from '../api/http'
import { operatorsQuery } from '../api/queries'
import type { FlowDoc } from '../api/types'
import { Page } from '../design/kit'
import { Loaded } from '../design/problem'
import { human } from '../design/format'
import { Editor } from './editor'

const route = getRouteApi('/shell/flow/$name')

export function FlowPage() {
  const { name } = route.useParams()
  const doc = useQuery({ queryKey: ['flow', name], queryFn: ({ signal }) => get<FlowDoc>(`/api/flows/${seg(name)}`, undefined, signal), staleTime: Infinity })
  const ops = useQuery({ ...operatorsQuery, staleTime: Infinity })
  if (doc.data && ops.data) return <Editor key={name} name={name} doc={doc.data} operators={ops.data} reload={() => void doc.refetch()} />
  return <Page title={human(name)}><Loaded query={doc.data ? ops : doc} lines={8}>{() => null}</Loaded></Page>
}
