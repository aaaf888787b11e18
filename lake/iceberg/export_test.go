package iceberg

// LoseAnswers makes every pointer move report the error that f returns although it
// happened.
func (t *Tables) LoseAnswers(f func() error) { t.afterMove = f }
