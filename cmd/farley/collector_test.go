package main

import "testing"

func TestGrowth(t *testing.T) {
	t.Parallel()
	for alive, want := range map[uint64]int{0: 400, 30 << 20: 400, 32 << 20: 400, 64 << 20: 200, 70 << 20: 175, 128 << 20: 100, 1 << 30: 100, 1 << 40: 100} {
		if got := growth(alive); got != want {
			t.Errorf("%d MiB alive: %d percent, want %d", alive>>20, got, want)
		}
	}
}
