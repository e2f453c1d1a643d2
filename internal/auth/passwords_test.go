package auth

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"

	"farley/internal/fault"
)

var cheap = Cost{Memory: 8, Time: 1, Threads: 1}

func TestHash_verifiesOnlyItsPassword(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := NewPasswords(cheap, 0)
		right := rapid.StringN(1, 40, maxPassword).Draw(t, "right")
		wrong := rapid.StringN(0, 40, maxPassword).Filter(func(s string) bool {
			return normalPassword(s) != normalPassword(right)
		}).Draw(t, "wrong")
		stored, err := p.Hash(t.Context(), right)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := p.Verify(t.Context(), stored, right); !ok || err != nil {
			t.Fatalf("right password: %v, %v", ok, err)
		}
		if ok, err := p.Verify(t.Context(), stored, wrong); ok || err != nil {
			t.Fatalf("wrong password: %v, %v", ok, err)
		}
	})
}

func TestHash_isPHCWithTheDefaultCostAndFreshSalt(t *testing.T) {
	t.Parallel()
	p := NewPasswords(Cost{}, 1)
	first, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(first, want) {
		t.Errorf("hash begins %.40q, want %q", first, want)
	}
	second, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Error("the same salt twice")
	}
	if p.NeedsRehash(first) {
		t.Error("a hash just made needs another")
	}
}

func TestVerify_knowsAForeignHash(t *testing.T) {
	t.Parallel()
	// From the test vectors of the reference implementation (version 19, 64 MiB, 2 passes).
	const stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	ok, err := NewPasswords(cheap, 0).Verify(t.Context(), stored, "password")
	if !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestVerify_acceptsOtherFormsOfTheSameLetters(t *testing.T) {
	t.Parallel()
	p := NewPasswords(cheap, 0)
	stored, err := p.Hash(t.Context(), "caf\u00e9 \u0622")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := p.Verify(t.Context(), stored, "cafe\u0301 \u0627\u0653"); !ok || err != nil {
		t.Errorf("decomposed: %v, %v", ok, err)
	}
}

func TestVerify_refusesWhatIsNoHash(t *testing.T) {
	t.Parallel()
	good := phc{cost: cheap, salt: make([]byte, 16), digest: make([]byte, 32)}.String()
	for name, stored := range map[string]string{
		"empty":            "",
		"plain text":       "secret",
		"argon2i":          strings.Replace(good, "argon2id", "argon2i", 1),
		"other version":    strings.Replace(good, "v=19", "v=16", 1),
		"no version":       strings.Replace(good, "v=19$", "", 1),
		"parameters moved": strings.Replace(good, "m=8,t=1", "t=1,m=8", 1),
		"no memory":        strings.Replace(good, "m=8", "m=0", 1),
		"all memory":       strings.Replace(good, "m=8", "m=4294967295", 1),
		"no passes":        strings.Replace(good, "t=1", "t=0", 1),
		"endless":          strings.Replace(good, "t=1", "t=100000", 1),
		"no threads":       strings.Replace(good, "p=1", "p=0", 1),
		"many threads":     strings.Replace(good, "p=1", "p=256", 1),
		"negative":         strings.Replace(good, "t=1", "t=-1", 1),
		"extra parameter":  strings.Replace(good, "p=1", "p=1,x=1", 1),
		"short digest":     good[:len(good)-40],
		"padding":          good + "=",
		"bad base64":       good[:len(good)-1] + "!",
		"more":             good + "$x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := NewPasswords(cheap, 0)
			var work int
			p.derive = counting(&work)
			ok, err := p.Verify(t.Context(), stored, "secret")
			if ok || fault.CodeOf(err) != fault.Internal {
				t.Errorf("got %v, %v", ok, err)
			}
			if work != 1 {
				t.Errorf("%d hashes computed, want 1", work)
			}
			if !p.NeedsRehash(stored) {
				t.Error("NeedsRehash is false")
			}
		})
	}
}

func TestPHC_roundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := phc{
			cost: Cost{
				rapid.Uint32Range(8, maxMemory).Draw(t, "m"), rapid.Uint32Range(1, maxTime).Draw(t, "t"),
				rapid.Uint8Range(1, 255).Draw(t, "p"),
			},
			salt:   rapid.SliceOfN(rapid.Byte(), 8, 64).Draw(t, "salt"),
			digest: rapid.SliceOfN(rapid.Byte(), 16, 64).Draw(t, "digest"),
		}
		got, err := parsePHC(want.String())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(phc{})); d != "" {
			t.Fatal(d)
		}
	})
}

func TestNeedsRehash_followsTheCost(t *testing.T) {
	t.Parallel()
	stored, err := NewPasswords(cheap, 0).Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cost Cost
		want bool
	}{
		{cheap, false},
		{Cost{16, 1, 1}, true},
		{Cost{8, 2, 1}, true},
		{Cost{8, 1, 2}, true},
	} {
		if got := NewPasswords(c.cost, 0).NeedsRehash(stored); got != c.want {
			t.Errorf("%+v: %v, want %v", c.cost, got, c.want)
		}
	}
}

func TestHash_refusesEmptyAndHuge(t *testing.T) {
	t.Parallel()
	p := NewPasswords(cheap, 0)
	for _, password := range []string{"", strings.Repeat("x", maxPassword+1)} {
		if _, err := p.Hash(t.Context(), password); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%d bytes: %v", len(password), err)
		}
	}
	longest := strings.Repeat("x", maxPassword)
	stored, err := p.Hash(t.Context(), longest)
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := p.Verify(t.Context(), stored, longest); !ok {
		t.Error("the longest password does not verify")
	}
	if ok, _ := p.Verify(t.Context(), stored, longest+"x"); ok {
		t.Error("a longer password verifies by its beginning")
	}
}

func TestPasswords_computesNoMoreThanItsSlots(t *testing.T) {
	t.Parallel()
	p := NewPasswords(cheap, 2)
	entered, leave := make(chan struct{}), make(chan struct{})
	p.derive = func(_, _ []byte, _, _ uint32, _ uint8, n uint32) []byte {
		entered <- struct{}{}
		<-leave
		return make([]byte, n)
	}
	done := make(chan error, 3)
	for range 3 {
		go func() { done <- p.Burn(context.WithoutCancel(t.Context()), "x") }()
	}
	<-entered
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Burn(ctx, "x"); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("with all slots taken: %v, want UNAVAILABLE", err)
	}
	select {
	case <-entered:
		t.Fatal("a third hash is computed")
	default:
	}
	leave <- struct{}{}
	select {
	case <-entered:
	case <-time.After(10 * time.Second):
		t.Fatal("a freed slot is not taken")
	}
	close(leave)
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestPasswords_queueIsBounded(t *testing.T) {
	t.Parallel()
	p := NewPasswords(cheap, 1)
	p.waiting.Store(maxWaiting)
	if err := p.Burn(t.Context(), "x"); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("got %v, want UNAVAILABLE", err)
	}
	if n := p.waiting.Load(); n != maxWaiting {
		t.Errorf("%d waiting after the refusal, want %d", n, maxWaiting)
	}
}

// counting counts the hashes computed. It is for one goroutine.
func counting(n *int) func(_, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte {
	return func(password, salt []byte, time, memory uint32, threads uint8, length uint32) []byte {
		*n++
		return argon2.IDKey(password, salt, time, memory, threads, length)
	}
}
