// The studio's own icons: one path each on a 20-px grid, drawn with the text colour.
const paths = {
  home: 'M3 9.5 10 3l7 6.5V17h-4.5v-4.5h-5V17H3z',
  data: 'M3 5.5C3 4.1 6.1 3 10 3s7 1.1 7 2.5S13.9 8 10 8 3 6.9 3 5.5zm0 0v9C3 15.900 6.100 17 10 17s7-1.100 7-2.500v-9M3 10c0 1.400 3.100 2.500 7 2.500s7-1.100 7-2.500',
  prepare: 'M4 16 13 7m-1.500-4 .7 1.800L14 5.500l-1.800.7-.7 1.800-.7-1.800L9 5.500l1.800-.7zM16 10l.5 1.500L18 12l-1.500.5L16 14l-.5-1.500L14 12l1.500-.5z',
  features: 'M3 4h6v5H3zM11 4h6v5h-6zM3 11h6v5H3zM14 11v6m-3-3h6',
  flow: 'M3 4h5v4H3zM12 4h5v4h-5zM7.500 12.500h5v4h-5zM8 6h4M5.500 8c0 3 1 4.500 4.500 4.500M14.500 8c0 3-1 4.500-2 5.500',
  models: 'M10 2.500 16.500 6v8L10 17.500 3.500 14V6zM3.500 6 10 9.700 16.500 6M10 9.700v7.800',
  endpoint: 'M3 10h5m4 0h5M8 10a2 2 0 1 0 4 0 2 2 0 1 0-4 0M10 3v3m0 8v3',
  monitor: 'M3 16h14M3 12l4-5 3 3 3-6 4 5',
  sql: 'M4 4h12v12H4zM7 8l2.500 2L7 12m4 0h2.500',
  settings: 'M4 6h7m4 0h1M4 14h1m4 0h7M11 6a2 2 0 1 0 4 0 2 2 0 1 0-4 0M5 14a2 2 0 1 0 4 0 2 2 0 1 0-4 0',
  target: 'M10 3a7 7 0 1 0 .01 0M10 6.500a3.500 3.500 0 1 0 .01 0M10 10v.01',
  jobs: 'M10 3a7 7 0 1 0 7 7M10 6v4l2.500 1.500',
  upload: 'M10 13V4m0 0L6.500 7.500M10 4l3.500 3.500M4 13v3h12v-3',
  play: 'M6 4v12l10-6z',
  stop: 'M5 5h10v10H5z',
  plus: 'M10 4v12M4 10h12',
  minus: 'M4 10h12',
  fit: 'M3 7V3h4m6 0h4v4m0 6v4h-4m-6 0H3v-4',
  close: 'M5 5l10 10M15 5 5 15',
  check: 'M4 10.500 8 14.500 16 6',
  alert: 'M10 3 18 16.500H2zM10 8v4m0 2v.5',
  info: 'M10 3a7 7 0 1 0 .01 0M10 9v5m0-7.500v.5',
  right: 'M7.500 4.500 13 10l-5.500 5.500',
  down: 'M4.500 7.500 10 13l5.500-5.500',
  up: 'M4.500 12.500 10 7l5.500 5.500',
  trash: 'M4 6h12M8 6V4h4v2m-6.500 0 .7 10h7.600l.7-10',
  copy: 'M7 7V4h9v9h-3M4 7h9v9H4z',
  link: 'M8 12l4-4M9 6l2-2a3.200 3.200 0 0 1 5 5l-2 2M11 14l-2 2a3.200 3.200 0 0 1-5-5l2-2',
  menu: 'M3 5h14M3 10h14M3 15h14',
  sun: 'M10 6.500a3.500 3.500 0 1 0 .01 0M10 2v2m0 12v2M2 10h2m12 0h2M4.500 4.500 6 6m8 8 1.500 1.500m0-11L14 6m-8 8-1.500 1.500',
  moon: 'M16 11.500A6.500 6.500 0 1 1 8.500 4 5.200 5.200 0 0 0 16 11.500z',
  chart: 'M4 16V9m4 7V4m4 12v-5m4 5V7',
  tidy: 'M3 4h5v4H3zM3 12h5v4H3zM12 8h5v4h-5zM8 6h2v8H8m2-4h2',
  search: 'M9 4a5 5 0 1 0 .01 0M12.700 12.700 17 17',
  save: 'M4 4h9l3 3v9H4zM7 4v4h5V4M7 16v-5h6v5',
  user: 'M10 4a3 3 0 1 0 .01 0M4 17c.5-3.500 3-5 6-5s5.500 1.500 6 5',
  key: 'M7 9a3.500 3.500 0 1 0 .01 0M9.500 11 17 3.500m-3 3 2 2',
  undo: 'M7 4 3.500 7.500 7 11M4 7.500h7.500a4.500 4.500 0 0 1 0 9H8',
  redo: 'M13 4l3.500 3.500L13 11M16 7.500H8.500a4.500 4.500 0 0 0 0 9H12',
  pause: 'M7 4v12m6-12v12',
  download: 'M10 4v9m0 0 3.500-3.500M10 13 6.500 9.500M4 14v2h12v-2',
  out: 'M8 4H4v12h4m3-9 3 3-3 3m3-3H8',
} as const

export type IconName = keyof typeof paths

export function Icon({ name, size = 18, className }: { name: IconName; size?: number; className?: string }) {
  return (
    <svg viewBox="0 0 20 20" width={size} height={size} aria-hidden="true" className={'shrink-0 ' + (className ?? '')} fill="none" stroke="currentColor" strokeWidth={1.5} strokeLinecap="round" strokeLinejoin="round">
      <path d={paths[name]} />
    </svg>
  )
}
