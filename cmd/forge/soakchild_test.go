package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// asVictim names the control folder of a forge that the soak test starts.
const asVictim = "FORGE_TEST_CONTROL"

// control is the folder through which the soak test and its server talk. A file in
// armed/ is named like a fault point and says what is to happen there; the server moves
// it to fired/ when it gets there. clock holds the seconds by which the clock is off.
type control struct{ dir string }

func (c control) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

// victim is the command line of a server under the control of the soak test.
func victim(dir string) *root {
	c, offset := control{dir}, new(atomic.Int64)
	read := func() {
		if b, err := os.ReadFile(c.path("clock")); err == nil {
			n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
			offset.Store(n * int64(time.Second))
		}
	}
	read()
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			read()
			if os.Rename(c.path("armed", cutBroker), c.path("fired", cutBroker)) == nil {
				cutConnections(c.path("http"))
			}
		}
	}()
	cmd := new(root)
	cmd.Serve.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	cmd.Serve.Fault = c.reached
	return cmd
}

// What happens at a point.
const (
	actKill = "kill" // SIGKILL
	actStop = "stop" // SIGSTOP, until the test wakes it
	actFill = "fill" // the disk is full from here on, until the test makes room
	actFull = "full" // the step finds the disk full
	actLost = "lost" // the step loses its answer
)

func (c control) reached(point string) error {
	fired := c.path("fired", point)
	if os.Rename(c.path("armed", point), fired) != nil {
		return nil
	}
	action, _ := os.ReadFile(fired)
	switch string(action) {
	case actKill:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case actStop:
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case actFill:
		_ = fillDisk(c.path("ballast"))
	case actFull:
		return &os.PathError{Op: "write", Path: point, Err: syscall.ENOSPC}
	case actLost:
		return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return nil
}

// fillDisk leaves nothing free on the disk that the link at path points to.
func fillDisk(path string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	f, err := os.Create(target)
	if err != nil {
		return err
	}
	defer f.Close()
	size := int64(0)
	for step := int64(64 << 20); step >= 4096; {
		if unix.Fallocate(int(f.Fd()), 0, size, step) == nil {
			size += step
		} else {
			step /= 4
		}
	}
	return nil
}

// cutBroker is the name under which the broker's connections are cut.
const cutBroker = "cut the broker's connections"

// cutConnections shuts down every TCP connection of this process to a port on which it
// listens itself, but for that of its HTTP server: those of the embedded broker.
func cutConnections(httpAddr string) {
	listens, conns := map[int]bool{}, map[int][2]int{}
	skip, _ := os.ReadFile(httpAddr)
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, e := range fds {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		local, err := unix.Getsockname(fd)
		if err != nil || portOf(local) == 0 {
			continue
		}
		if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil && on == 1 {
			if p := portOf(local); strconv.Itoa(p) != string(skip) {
				listens[p] = true
			}
			continue
		}
		if peer, err := unix.Getpeername(fd); err == nil {
			conns[fd] = [2]int{portOf(local), portOf(peer)}
		}
	}
	for fd, ports := range conns {
		if listens[ports[0]] || listens[ports[1]] {
			_ = unix.Shutdown(fd, unix.SHUT_RDWR)
		}
	}
}

func portOf(a unix.Sockaddr) int {
	switch x := a.(type) {
	case *unix.SockaddrInet4:
		return x.Port
	case *unix.SockaddrInet6:
		return x.Port
	}
	return 0
}
