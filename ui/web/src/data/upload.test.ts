import { expect, test } from 'vitest'
import { badTableName, tableName } from './upload'

test('a table name is made of a file name', () => {
  expect(tableName('marketing_bank_calls.csv')).toBe('raw.marketing_bank_calls')
  expect(tableName('Bestellungen März 2024 (final).CSV.gz')).toBe('raw.bestellungen_ma_rz_2024_final')
  expect(tableName('2024.csv')).toBe('raw.t_2024')
  expect(tableName('日本.csv')).toBe('raw.table')
  for (const f of ['a.csv', 'ÄÖ!.tsv', `${'x'.repeat(200)}.csv`]) expect(badTableName(tableName(f))).toBe(false)
})

test('names that the server refuses are refused here', () => {
  for (const bad of ['calls', 'raw.', 'Raw.calls', 'raw.1', 'raw.a.b', 'raw.a-b']) expect(badTableName(bad)).toBe(true)
})
