package oipgrpc_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// schema reads oip.proto, so that the protobuf runtime and the codec by hand are
// checked against the same text.
func schema(t testing.TB) protoreflect.FileDescriptor {
	t.Helper()
	text, err := os.ReadFile("oip.proto")
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`//.*`).ReplaceAll(text, nil)
	p := &parser{words: regexp.MustCompile(`[A-Za-z0-9_.]+|"[^"]*"|[^\s]`).FindAllString(string(text), -1)}
	file := &descriptorpb.FileDescriptorProto{Name: proto.String("oip.proto"), Syntax: proto.String("proto3"), Package: proto.String("inference")}
	for len(p.words) > 0 {
		switch p.next() {
		case "service":
			p.skipBlock()
		case "message":
			file.MessageType = append(file.MessageType, p.message(".inference"))
		default:
			p.skipTo(";")
		}
	}
	fd, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

type parser struct{ words []string }

func (p *parser) next() string {
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

func (p *parser) skipTo(end string) {
	for p.next() != end {
	}
}

func (p *parser) skipBlock() {
	p.skipTo("{")
	p.skipTo("}")
}

// message reads NAME { … }.
func (p *parser) message(outer string) *descriptorpb.DescriptorProto {
	m := &descriptorpb.DescriptorProto{Name: proto.String(p.next())}
	p.skipTo("{")
	inner := outer + "." + m.GetName()
	choice := false
	for {
		switch w := p.next(); w {
		case "message":
			m.NestedType = append(m.NestedType, p.message(inner))
		case "oneof":
			m.OneofDecl = append(m.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: proto.String(p.next())})
			p.skipTo("{")
			choice = true
		case "}":
			if !choice {
				return m
			}
			choice = false
		default:
			f := p.field(w, m, inner)
			if choice {
				f.OneofIndex = proto.Int32(0)
			}
			m.Field = append(m.Field, f)
		}
	}
}

var scalars = map[string]descriptorpb.FieldDescriptorProto_Type{
	"bool": descriptorpb.FieldDescriptorProto_TYPE_BOOL, "int32": descriptorpb.FieldDescriptorProto_TYPE_INT32,
	"int64": descriptorpb.FieldDescriptorProto_TYPE_INT64, "uint32": descriptorpb.FieldDescriptorProto_TYPE_UINT32,
	"uint64": descriptorpb.FieldDescriptorProto_TYPE_UINT64, "float": descriptorpb.FieldDescriptorProto_TYPE_FLOAT,
	"double": descriptorpb.FieldDescriptorProto_TYPE_DOUBLE, "string": descriptorpb.FieldDescriptorProto_TYPE_STRING,
	"bytes": descriptorpb.FieldDescriptorProto_TYPE_BYTES,
}

// field reads [repeated] TYPE NAME = NUMBER; a map becomes its entry message.
func (p *parser) field(word string, m *descriptorpb.DescriptorProto, inner string) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
	if word == "repeated" {
		f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		word = p.next()
	}
	switch {
	case word == "map":
		f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		p.skipTo(",")
		value := p.next()
		p.skipTo(">")
		entry := strings.ToUpper(p.words[0][:1]) + p.words[0][1:] + "Entry"
		m.NestedType = append(m.NestedType, &descriptorpb.DescriptorProto{
			Name: proto.String(entry), Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
			Field: []*descriptorpb.FieldDescriptorProto{
				{Name: proto.String("key"), Number: proto.Int32(1), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: scalars["string"].Enum()},
				{Name: proto.String("value"), Number: proto.Int32(2), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: proto.String(".inference." + value)},
			},
		})
		f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String(inner+"."+entry)
	case scalars[word] != 0:
		f.Type = scalars[word].Enum()
	default:
		f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String(".inference."+word)
		for _, n := range m.NestedType {
			if n.GetName() == word {
				f.TypeName = proto.String(inner + "." + word)
			}
		}
	}
	f.Name = proto.String(p.next())
	p.skipTo("=")
	n, _ := strconv.Atoi(p.next())
	f.Number = proto.Int32(int32(n))
	p.skipTo(";")
	return f
}
