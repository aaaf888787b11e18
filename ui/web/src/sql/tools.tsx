import type { Dispatch } from 'react'
import { Button } from '../design/kit'
import { t } from '../i18n'
import type { Edit } from './cells'

export function CellTools({ id, first, last, tell }: { id: number; first: boolean; last: boolean; tell: Dispatch<Edit> }) {
  return (
    <>
      {!first && <Button small look="quiet" icon="up" onClick={() => tell({ type: 'move', id, by: -1 })}>{t('sql.up')}</Button>}
      {!last && <Button small look="quiet" icon="down" onClick={() => tell({ type: 'move', id, by: 1 })}>{t('sql.down')}</Button>}
      <Button small look="quiet" icon="trash" onClick={() => tell({ type: 'remove', id })}>{t('remove')}</Button>
    </>
  )
}
