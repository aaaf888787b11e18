// All text that a person reads comes from one catalogue per language.
import i18next from 'i18next'
import en from './en.json'

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation'
    resources: { translation: typeof en }
  }
}

void i18next.init({ lng: 'en', fallbackLng: 'en', resources: { en: { translation: en } }, interpolation: { escapeValue: false }, initAsync: false })

export const t = i18next.t

/** tryT reads a key that is only known at run time, such as a job's kind; the text itself where there is none. */
export function tryT(key: string, otherwise: string): string {
  return i18next.exists(key) ? (i18next.t as (k: string) => string)(key) : otherwise
}
