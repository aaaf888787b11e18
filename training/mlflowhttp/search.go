package mlflowhttp

import "aiforge.dev/forge/training/mlflowstore/filter"

// searchIn is what the searches for experiments, models and versions are asked with.
type searchIn struct {
	Max    whole  `json:"max_results"`
	Token  string `json:"page_token"`
	Filter string `json:"filter"`
	Order  texts  `json:"order_by"`
	View   text   `json:"view_type"`
}

// print is what a page token belongs to.
func (in searchIn) print() any { return []any{in.Filter, in.Order, in.View} }

// search is searchIn as it is carried out.
type search struct {
	clauses     []filter.Comparison
	order       []filter.Order
	from, limit int
}

// search reads the request: fallback and largest are of max_results.
func (in searchIn) search(d filter.Dialect, fallback, largest int) (q search, err error) {
	if q.clauses, q.order, err = parse(d, in.Filter, in.Order); err != nil {
		return q, err
	}
	if q.limit, err = most(in.Max, fallback, largest); err != nil {
		return q, err
	}
	q.from, err = offset(in.Token, in.print())
	return q, err
}

func parse(d filter.Dialect, text string, order []string) ([]filter.Comparison, []filter.Order, error) {
	clauses, err := d.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	keys, err := d.ParseOrder(order)
	return clauses, keys, err
}
