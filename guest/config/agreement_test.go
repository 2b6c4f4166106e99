package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// agreement is what the builder was given for a configuration that it wrote.
type agreement struct {
	Text string // the configuration
	Args []string
	Env  []string
	File string
}

// TestParseReadsWhatTheBuilderWrites runs over configurations that the builder's tests made of random text and put
// into the folder that ALTEE_AGREEMENT names.
func TestParseReadsWhatTheBuilderWrites(t *testing.T) {
	folder := os.Getenv("ALTEE_AGREEMENT")
	if folder == "" {
		t.Skip("ALTEE_AGREEMENT is not set")
	}
	bytes, err := os.ReadFile(filepath.Join(folder, "agreement.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []agreement
	if err := json.Unmarshal(bytes, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, want := range cases {
		got, err := Parse(want.Text)
		if err != nil {
			t.Fatalf("%v in %q", err, want.Text)
		}
		if !same(got.Args, want.Args) || !same(got.Env, want.Env) || got.Files[0].Path != want.File {
			t.Fatalf("got %q, %q, %q from %q", got.Args, got.Env, got.Files[0].Path, want.Text)
		}
	}
	t.Logf("%d configurations", len(cases))
}

func same(got, want []string) bool {
	return len(got) == 0 && len(want) == 0 || reflect.DeepEqual(got, want)
}
