package clean

import (
	"aiforge.dev/forge/lake"
)

// kind is one kind of step: what it is for people and forms, and how it compiles.
type kind struct {
	lake.StepSpec
	compile func(*stage) (result, error)
}

// kinds is the map of all kinds of steps, in the order in which forms show them. A
// new kind is a function and a line here.
func kinds() []kind {
	return []kind{
		{renameSpec, compileRename},
		{selectSpec, compileSelect},
		{dropSpec, compileDrop},
		{deriveSpec, compileDerive},
		{castSpec, compileCast},
		{parseTimeSpec, compileParseTime},
		{trimSpec, compileTrim},
		{nullValuesSpec, compileNullValues},
		{fillSpec, compileFill},
		{normaliseSpec, compileNormalise},
		{outliersSpec, compileOutliers},
		{filterSpec, compileFilter},
		{dedupeSpec, compileDedupe},
		{maskSpec, compileMask},
		{joinSpec, compileJoin},
		{sqlSpec, compileSQL},
	}
}

// Specs describes every kind of step.
func Specs() []lake.StepSpec {
	var out []lake.StepSpec
	for _, k := range kinds() {
		out = append(out, k.StepSpec)
	}
	return out
}

func kindOf(name string) (kind, bool) {
	for _, k := range kinds() {
		if k.Kind == name {
			return k, true
		}
	}
	return kind{}, false
}

func kindNames() []string {
	var out []string
	for _, k := range kinds() {
		out = append(out, k.Kind)
	}
	return out
}
