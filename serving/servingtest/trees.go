package servingtest

import "fmt"

// trees is a tree ensemble in the flat form of the ONNX operators.
type trees struct {
	treeIDs, nodeIDs, features, yes, no, missing []int
	values                                       []float32
	modes                                        []string

	leafTree, leafNode, leafTarget []int
	weights                        []float32
}

// split adds an inner node: feature ≤ value goes to yes, everything else to no;
// a missing value goes to yes.
func (t *trees) split(tree, node, feature int, value float32, yes, no int) {
	t.add(tree, node, feature, value, "BRANCH_LEQ", yes, no, 1)
}

// leaf adds a leaf with one weight per target (class); a binary classifier takes one,
// that of its second class, as ONNX Runtime wants it.
func (t *trees) leaf(tree, node int, weights ...float32) {
	t.add(tree, node, 0, 0, "LEAF", 0, 0, 0)
	for target, w := range weights {
		t.leafTree, t.leafNode = append(t.leafTree, tree), append(t.leafNode, node)
		t.leafTarget, t.weights = append(t.leafTarget, target), append(t.weights, w)
	}
}

func (t *trees) add(tree, node, feature int, value float32, mode string, yes, no, missing int) {
	t.treeIDs, t.nodeIDs = append(t.treeIDs, tree), append(t.nodeIDs, node)
	t.features, t.values, t.modes = append(t.features, feature), append(t.values, value), append(t.modes, mode)
	t.yes, t.no, t.missing = append(t.yes, yes), append(t.no, no), append(t.missing, missing)
}

func (t *trees) nodeAttrs() [][]byte {
	return [][]byte{
		attrInts("nodes_treeids", t.treeIDs), attrInts("nodes_nodeids", t.nodeIDs), attrInts("nodes_featureids", t.features),
		attrFloats("nodes_values", t.values), attrTexts("nodes_modes", t.modes),
		attrInts("nodes_truenodeids", t.yes), attrInts("nodes_falsenodeids", t.no),
		attrInts("nodes_missing_value_tracks_true", t.missing), attrText("post_transform", "NONE"),
	}
}

// classifier adds the node that makes label and scores from x.
func (t *trees) classifier(g *graph, x string, classes []string) {
	attrs := append(t.nodeAttrs(), attrInts("class_treeids", t.leafTree), attrInts("class_nodeids", t.leafNode),
		attrInts("class_ids", t.leafTarget), attrFloats("class_weights", t.weights), attrTexts("classlabels_strings", classes))
	g.node(ml, "TreeEnsembleClassifier", []string{x}, []string{"label", "scores"}, attrs...)
}

// regressor adds the node that makes value from x.
func (t *trees) regressor(g *graph, x string) {
	attrs := append(t.nodeAttrs(), attrInts("target_treeids", t.leafTree), attrInts("target_nodeids", t.leafNode),
		attrInts("target_ids", t.leafTarget), attrFloats("target_weights", t.weights), attrInt("n_targets", 1))
	g.node(ml, "TreeEnsembleRegressor", []string{x}, []string{"value"}, attrs...)
}

// full makes count complete trees of a depth over n features, with thresholds and
// weights that follow from their place: a model as large as a real one.
func full(count, depth, n int) *trees {
	t := &trees{}
	inner := 1<<depth - 1
	for tree := range count {
		for node := range inner {
			t.split(tree, node, (tree*7+node*3)%n, float32((tree*31+node*17)%100)/100, 2*node+1, 2*node+2)
		}
		for node := inner; node < 2*inner+1; node++ {
			p := float32((tree*13+node*29)%100) / 100 / float32(count)
			t.leaf(tree, node, p)
		}
	}
	return t
}

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return out
}
