package servinghttp_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"net/http"
	"testing"

	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/oipgrpc"
	"aiforge.dev/forge/serving/servingtest"
	"google.golang.org/protobuf/encoding/protowire"
)

func pbBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// grpcRequest is a ModelInferRequest with the rows of this test, values by type or raw.
func grpcRequest(raw bool) []byte {
	n := len(agreeAges)
	var doubles, texts, jobs []byte
	for i := range agreeAges {
		x, ok := agreeAges[i].(float64)
		if !ok {
			x = math.NaN()
		}
		s, _ := agreeJobs[i].(string)
		doubles = protowire.AppendFixed64(doubles, math.Float64bits(x))
		texts = pbBytes(texts, 8, []byte(s))
		jobs = append(binary.LittleEndian.AppendUint32(jobs, uint32(len(s))), s...)
	}
	input := func(name, datatype string, contents []byte) []byte {
		b := pbBytes(pbBytes(nil, 1, []byte(name)), 2, []byte(datatype))
		b = protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), uint64(n))
		if raw {
			return b
		}
		return pbBytes(b, 5, contents)
	}
	b := pbBytes(nil, 1, []byte("calls"))
	b = pbBytes(b, 5, input("age", "FP64", pbBytes(nil, 7, doubles)))
	b = pbBytes(b, 5, input("job", "BYTES", texts))
	if raw {
		b = pbBytes(pbBytes(b, 7, doubles), 7, jobs)
	}
	return b
}

// byGRPC asks over HTTP/2 and reads the answer's numbers in the form that was asked in.
func byGRPC(t *testing.T, c servingtest.Client, raw bool) []string {
	t.Helper()
	message := grpcRequest(raw)
	body := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	req, err := http.NewRequest("POST", c.URL+oipgrpc.Root+"ModelInfer", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Authorization", "Bearer "+c.Token)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.Trailer.Get("Grpc-Status") != "0" {
		t.Fatalf("%v %v %v", err, res.Header, res.Trailer)
	}
	var labels []string
	var scores []byte
	if raw {
		blobs := pbFields(t, answer[5:], 6)
		for b := blobs[0]; len(b) > 0; {
			n := binary.LittleEndian.Uint32(b)
			labels = append(labels, string(b[4:4+n]))
			b = b[4+n:]
		}
		scores = blobs[1]
	} else {
		outputs := pbFields(t, answer[5:], 5)
		for _, s := range pbFields(t, pbFields(t, outputs[0], 5)[0], 8) {
			labels = append(labels, string(s))
		}
		scores = pbFields(t, pbFields(t, outputs[1], 5)[0], 6)[0]
	}
	var out []string
	for i, label := range labels {
		f := math.Float32frombits(binary.LittleEndian.Uint32(scores[8*i+4:]))
		out = append(out, shown(label, serving.Score(f)))
	}
	return out
}

// pbFields are the values of a message's field that have a length.
func pbFields(t *testing.T, b []byte, want protowire.Number) (all [][]byte) {
	t.Helper()
	for len(b) > 0 {
		num, _, tag := protowire.ConsumeTag(b)
		_, _, n := protowire.ConsumeField(b)
		if tag < 0 || n < 0 {
			t.Fatal(protowire.ParseError(min(tag, n)))
		}
		if num == want {
			v, _ := protowire.ConsumeBytes(b[tag:n])
			all = append(all, v)
		}
		b = b[n:]
	}
	return all
}
