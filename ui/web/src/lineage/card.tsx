// Where something came from, as a picture from left to right.
import { useQuery } from '@tanstack/react-query'
import { get } from '../api/http'
import type { LineageGraph } from '../api/types'
import { ago } from '../design/format'
import { Card } from '../design/kit'
import { t, tryT } from '../i18n'
import { folded, layout, readable } from './rules'

const W = 168, H = 58, gapX = 44, gapY = 14

export function LineageCard({ kind, id }: { kind: string; id: string }) {
  const query = useQuery({ queryKey: ['lineage', kind, id], queryFn: ({ signal }) => get<LineageGraph>('/api/lineage', { ref: `${kind}:${id}`, direction: 'up', depth: 12 }, signal), retry: false })
  if (!query.data?.edges?.length) return null
  const g = folded({ nodes: query.data.nodes ?? [], edges: query.data.edges })
  const p = layout(g)
  const at = new Map(p.nodes.map((n) => [n.key, { x: n.column * (W + gapX), y: n.row * (H + gapY) }]))
  const width = p.columns * (W + gapX) - gapX, height = p.rows * (H + gapY) - gapY
  return (
    <Card title={t('lineage.title')}>
      <div className="overflow-x-auto px-5 pt-2 pb-5" tabIndex={0} role="region" aria-label={t('lineage.title')}>
        <div className="relative" style={{ width, height }}>
          <svg width={width} height={height} aria-hidden="true" className="absolute inset-0">
            {p.links.map((l) => {
              const a = at.get(l.from)!, b = at.get(l.to)!
              const x1 = a.x + W, y1 = a.y + H / 2, x2 = b.x, y2 = b.y + H / 2, mid = Math.max(20, (x2 - x1) / 2)
              return <path key={l.from + l.to} d={`M${x1},${y1} C${x1 + mid},${y1} ${x2 - mid},${y2} ${x2},${y2}`} fill="none" stroke="var(--line-strong)" strokeWidth={1.25} />
            })}
          </svg>
          <ul>
            {p.nodes.map((n) => {
              const pos = at.get(n.key)!
              const name = readable(n.kind, n.title)
              return (
                <li key={n.key} className="absolute flex flex-col justify-center rounded-[10px] border border-line bg-sunken px-3" style={{ left: pos.x, top: pos.y, width: W, height: H }}>
                  <span className="truncate text-[12px] text-ink-2">{tryT(`lineage.${n.kind}`, n.kind)}{n.at ? ` · ${ago(n.at)}` : ''}</span>
                  <span className="truncate text-[13px] font-medium" title={name}>{(g.times.get(n.key) ?? 1) > 1 ? t('lineage.times', { count: g.times.get(n.key), name: name || tryT(`lineage.${n.kind}`, n.kind) }) : name || tryT(`lineage.${n.kind}`, n.kind)}</span>
                </li>
              )
            })}
          </ul>
        </div>
      </div>
    </Card>
  )
}
