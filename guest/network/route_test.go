package network

import (
	"testing"
	"unsafe"
)

func TestRouteEntryHasTheKernelsLayout(t *testing.T) {
	var entry routeEntry
	for name, offsets := range map[string][2]uintptr{
		"rt_dst":     {unsafe.Offsetof(entry.destination), 8},
		"rt_gateway": {unsafe.Offsetof(entry.gateway), 24},
		"rt_genmask": {unsafe.Offsetof(entry.mask), 40},
		"rt_flags":   {unsafe.Offsetof(entry.flags), 56},
		"rt_metric":  {unsafe.Offsetof(entry.metric), 80},
		"rt_dev":     {unsafe.Offsetof(entry.device), 88},
		"size":       {unsafe.Sizeof(entry), 120},
	} {
		if offsets[0] != offsets[1] {
			t.Errorf("%s is at %d, want %d", name, offsets[0], offsets[1])
		}
	}
}
