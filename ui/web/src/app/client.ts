import { QueryClient } from '@tanstack/react-query'
import { Problem } from '../api/problem'

// Answers are shown at once from the cache and renewed behind it. A refusal is not
// tried again; a server that is not there is tried twice.
export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (fails, err) => !(err instanceof Problem && err.status >= 400 && err.status < 500) && fails < 2,
    },
  },
})
