package testdb

import (
	"net/url"
	"sync"
	"testing"
)

// Server is a MariaDB server of one test, which may kill it.
type Server struct {
	// Addr is its host and port.
	Addr string

	s    *server
	kill func()
}

// NewServer starts a MariaDB server with further flags. It ends with the test. It skips as MariaDB does.
func NewServer(t testing.TB, flags ...string) *Server {
	t.Helper()
	started, err := startServer(flags...)
	s := found(t, started, err)
	server := &Server{Addr: s.addr, s: s}
	server.kill = sync.OnceFunc(func() {
		_ = s.admin.Close() // its connections end anyway
		_ = s.life.Close()  // tells the guard
		_ = s.wait()        // says how the guard ended
	})
	t.Cleanup(server.kill)
	return server
}

// Kill ends the server at once; its data is gone. It returns when nothing answers any more.
func (s *Server) Kill() { s.kill() }

// Database makes an empty schema and returns the URL that opens it.
func (s *Server) Database(t testing.TB, name string) string {
	t.Helper()
	s.Exec(t, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	return s.s.url(name)
}

// Exec runs a statement as the server's administrator.
func (s *Server) Exec(t testing.TB, statement string) {
	t.Helper()
	if _, err := s.s.admin.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("testdb: %s: %v", statement, err)
	}
}

// Several returns the URL of one database on several servers.
func Several(t testing.TB, databaseURL string, others ...*Server) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	hosts := u.Host
	for _, s := range others {
		hosts += "," + s.Addr
	}
	return u.Scheme + "://" + u.User.String() + "@" + hosts + u.Path
}
