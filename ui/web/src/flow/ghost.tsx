// An empty flow is no empty grid: the shape of one, with the way to begin inside it.
import { Icon } from '../design/icon'
import { Button } from '../design/kit'
import { t } from '../i18n'

export function GhostFlow({ may, onAdd }: { may: boolean; onAdd: () => void }) {
  const steps = [['data', t('flow.ghost.data')], ['prepare', t('flow.ghost.prepare')], ['features', t('flow.ghost.features')], ['models', t('flow.ghost.train')], ['endpoint', t('flow.ghost.answer')]] as const
  return (
    <div className="grid flex-1 place-items-center px-4 py-16">
      <div className="grid justify-items-center gap-8 text-center">
        <ol className="flex flex-wrap items-center justify-center gap-3">{steps.map(([icon, name], i) => <li key={name} className="flex items-center gap-3">{i > 0 && <Icon name="right" className="text-ink-3 max-sm:hidden" />}<span className="flex items-center gap-2 rounded-xl border border-dashed border-line-strong px-4 py-3 text-ink-2"><Icon name={icon} />{name}</span></li>)}</ol>
        <div><p className="text-lg font-semibold tracking-[-0.02em]">{t('flow.ghost.title')}</p><p className="mt-1 max-w-[48ch] text-ink-2">{t('flow.ghost.text')}</p></div>
        {may && <Button look="primary" icon="plus" onClick={onAdd}>{t('flow.ghost.do')}</Button>}
      </div>
    </div>
  )
}
