package clean

// For the tests of what users may write as SQL.
var (
	CheckExpression = checkExpression
	CheckSelect     = checkSelect
)
