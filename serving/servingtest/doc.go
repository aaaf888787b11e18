// Package servingtest holds what tests of serving share: the promises that every
// Predictor keeps, a predictor without a runtime, and small model packages written
// on the spot, so that no test needs Python or a file from elsewhere.
package servingtest
