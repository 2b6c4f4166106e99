package sysctl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeProc is a folder with every setting's file in it, empty.
func fakeProc(t *testing.T) string {
	root := t.TempDir()
	for _, setting := range settings {
		file := pathOf(root, setting.name)
		os.MkdirAll(filepath.Dir(file), 0o755)
		os.WriteFile(file, nil, 0o644)
	}
	return root
}

func pathOf(root, name string) string {
	return filepath.Join(root, filepath.FromSlash(strings.ReplaceAll(name, ".", "/")))
}

func TestApplyWritesEverySetting(t *testing.T) {
	root := fakeProc(t)
	if err := Apply(root, nil); err != nil {
		t.Fatal(err)
	}
	for _, setting := range settings {
		content, _ := os.ReadFile(pathOf(root, setting.name))
		if string(content) != setting.value+"\n" {
			t.Errorf("%s is %q", setting.name, content)
		}
	}
}

func TestApplyLeavesOutExceptions(t *testing.T) {
	root := fakeProc(t)
	os.Remove(pathOf(root, "kernel.yama.ptrace_scope"))
	if err := Apply(root, []string{"kernel.yama.ptrace_scope", "kernel.kptr_restrict"}); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(pathOf(root, "kernel.kptr_restrict")); len(content) != 0 {
		t.Errorf("kernel.kptr_restrict was written: %q", content)
	}
}

func TestApplyRefusesAnExceptionThatNamesNothing(t *testing.T) {
	if err := Apply(fakeProc(t), []string{"kernel.yama.ptrace_scoop"}); err == nil {
		t.Error("no error")
	}
}

func TestApplyTakesAnAbsentFeatureForStricter(t *testing.T) {
	root := fakeProc(t)
	os.RemoveAll(filepath.Join(root, "net"))
	if err := Apply(root, nil); err != nil {
		t.Error(err)
	}
}

func TestApplyRefusesAnAbsentProtection(t *testing.T) {
	root := fakeProc(t)
	os.Remove(pathOf(root, "kernel.kptr_restrict"))
	if err := Apply(root, nil); err == nil || !strings.HasPrefix(err.Error(), "kernel.kptr_restrict=2: ") {
		t.Errorf("got %v", err)
	}
}

func TestApplyRefusesASettingThatTheKernelDoesNotTake(t *testing.T) {
	root := fakeProc(t)
	file := pathOf(root, "net.ipv4.conf.all.accept_redirects")
	os.Remove(file)
	os.Mkdir(file, 0o755)
	if err := Apply(root, nil); err == nil || !strings.Contains(err.Error(), "accept_redirects") {
		t.Errorf("got %v", err)
	}
}
