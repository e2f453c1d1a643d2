package db

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// control gives a connection up when its other side is silent, rather than after the quarter of an hour that the kernel
// would go on sending.
func control(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledged.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
