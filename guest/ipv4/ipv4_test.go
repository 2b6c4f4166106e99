package ipv4

import "testing"

func TestParseTakesDottedDecimalOnly(t *testing.T) {
	for _, text := range []string{"0.0.0.0", "10.0.2.15", "255.255.255.255"} {
		address, err := Parse(text)
		if err != nil || address.String() != text {
			t.Errorf("%s gives %v, %v", text, address, err)
		}
	}
	for _, text := range []string{"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.", "1.2.3.-4", "+1.2.3.4", " 1.2.3.4", "0x1.2.3.4"} {
		if address, err := Parse(text); err == nil {
			t.Errorf("%q gives %v", text, address)
		}
	}
}

func TestParsePrefixTakes1To32Bits(t *testing.T) {
	prefix, err := ParsePrefix("10.0.2.15/24")
	if err != nil || prefix != (Prefix{Address{10, 0, 2, 15}, 24}) {
		t.Errorf("got %v, %v", prefix, err)
	}
	for _, text := range []string{"10.0.2.15", "10.0.2.15/", "10.0.2.15/0", "10.0.2.15/33", "10.0.2.15/024", "10.0.2.15/24/1", "/24"} {
		if prefix, err := ParsePrefix(text); err == nil {
			t.Errorf("%q gives %v", text, prefix)
		}
	}
}

func TestMaskBitsIsTheInverseOfMask(t *testing.T) {
	for bits := 0; bits <= 32; bits++ {
		if got, contiguous := MaskBits(Mask(bits)); !contiguous || got != bits {
			t.Errorf("%v gives %d, %v", Mask(bits), got, contiguous)
		}
	}
	if _, contiguous := MaskBits(Address{255, 0, 255, 0}); contiguous {
		t.Error("a mask with a hole is contiguous")
	}
}

func TestPrefixContainsItsNetworkAlone(t *testing.T) {
	prefix := Prefix{Address{10, 0, 2, 15}, 23}
	for address, want := range map[Address]bool{{10, 0, 2, 0}: true, {10, 0, 3, 255}: true, {10, 0, 4, 0}: false, {11, 0, 2, 15}: false} {
		if prefix.Contains(address) != want {
			t.Errorf("%v: %v", address, !want)
		}
	}
}
