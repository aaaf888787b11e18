// Everything that can be done to a flow, in one list: what it is called, its key, when
// it may be done and what it does. Buttons, keys and the help draw from it.
import { t } from '../i18n'
import type { IconName } from '../design/icon'

export interface Context { selected: string | null; may: boolean; running: boolean; past: number; future: number; nodes: number; act: Record<CommandId, () => void> }
export type CommandId = 'add' | 'connect' | 'configure' | 'remove' | 'undo' | 'redo' | 'tidy' | 'run' | 'save'
export interface Command { id: CommandId; icon: IconName; key: string; label: () => string; enabled: (c: Context) => boolean }

export const commands: Command[] = [
  { id: 'add', icon: 'plus', key: 'n', label: () => t('flow.do.add'), enabled: (c) => c.may },
  { id: 'connect', icon: 'link', key: 'c', label: () => t('flow.do.connect'), enabled: (c) => c.may && c.selected !== null },
  { id: 'configure', icon: 'settings', key: 'enter', label: () => t('flow.do.configure'), enabled: (c) => c.selected !== null },
  { id: 'remove', icon: 'trash', key: 'delete', label: () => t('flow.do.remove'), enabled: (c) => c.may && c.selected !== null },
  { id: 'undo', icon: 'undo', key: 'ctrl+z', label: () => t('flow.do.undo'), enabled: (c) => c.may && c.past > 0 },
  { id: 'redo', icon: 'redo', key: 'ctrl+shift+z', label: () => t('flow.do.redo'), enabled: (c) => c.may && c.future > 0 },
  { id: 'tidy', icon: 'tidy', key: 'l', label: () => t('flow.do.tidy'), enabled: (c) => c.may && c.nodes > 1 },
  { id: 'run', icon: 'play', key: 'ctrl+enter', label: () => t('flow.do.run'), enabled: (c) => c.may && c.nodes > 0 && !c.running },
  { id: 'save', icon: 'save', key: 'ctrl+s', label: () => t('save'), enabled: (c) => c.may },
]

/** keyOf writes a pressed key as the list above does. Case does not count: with Shift some send Z, some z. */
export function keyOf(e: { key: string; ctrlKey: boolean; metaKey: boolean; shiftKey: boolean; altKey: boolean }): string {
  const key = e.key.toLowerCase() === 'backspace' ? 'delete' : e.key.toLowerCase()
  const mod = e.ctrlKey || e.metaKey
  return [mod && 'ctrl', e.altKey && 'alt', e.shiftKey && mod && 'shift', key].filter(Boolean).join('+')
}

export function commandFor(key: string): Command | undefined {
  return commands.find((c) => c.key === (key === 'ctrl+y' ? 'ctrl+shift+z' : key))
}
