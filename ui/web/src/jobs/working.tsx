// Long work on the page that started it: how far it is in words, and a way to stop it.
import type { Job } from '../api/types'
import { Button, Progress } from '../design/kit'
import { t } from '../i18n'
import { progressText } from './drawer'
import { share } from './use'

export function Working({ work, label }: { work: { isPending: boolean; progress: Job['progress'] | null; cancel?: () => void }; label: string }) {
  if (!work.isPending) return null
  return (
    <div className="grid gap-1.5">
      <Progress value={share(work.progress)} label={label} />
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p role="status" className="text-[13px] text-ink-2 tabular-nums">{progressText(work.progress) || label}</p>
        <Button small look="quiet" icon="stop" disabled={!work.cancel} onClick={work.cancel}>{t('cancel')}</Button>
      </div>
    </div>
  )
}
