// Joins two network namespaces by two TUN devices and hands every packet on after a delay, in both directions.
//
//	delay_line NAMESPACE DEVICE NAMESPACE DEVICE MILLISECONDS
//
// Prints "ready" once both devices are there; ends with its standard input.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

const (
	tunSetIff = 0x400454ca
	iffTun    = 0x0001
	iffNoPi   = 0x1000
	sysSetns  = 308 // amd64
	packetMax = 65536
	queueMax  = 4096
)

type packet struct {
	due   time.Time
	bytes []byte
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// open makes a TUN device in a namespace; the device belongs to it whoever reads from it.
func open(namespace, device string) *os.File {
	handle, err := os.Open("/run/netns/" + namespace)
	fail(err)
	defer handle.Close()
	if _, _, errno := syscall.RawSyscall(sysSetns, handle.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
		fail(errno)
	}
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR, 0)
	fail(err)
	var request struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], device)
	request.flags = iffTun | iffNoPi
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), tunSetIff, uintptr(unsafe.Pointer(&request))); errno != 0 {
		fail(errno)
	}
	return os.NewFile(uintptr(fd), device)
}

// carry drops what does not fit into the queue, as a link does.
func carry(from, to *os.File, delay time.Duration) {
	queue := make(chan packet, queueMax)
	go func() {
		for next := range queue {
			time.Sleep(time.Until(next.due))
			to.Write(next.bytes)
		}
	}()
	buffer := make([]byte, packetMax)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		select {
		case queue <- packet{time.Now().Add(delay), append([]byte(nil), buffer[:n]...)}:
		default:
		}
	}
}

func main() {
	if len(os.Args) != 6 {
		fail(fmt.Errorf("usage: delay_line NAMESPACE DEVICE NAMESPACE DEVICE MILLISECONDS"))
	}
	ms, err := strconv.Atoi(os.Args[5])
	fail(err)
	runtime.LockOSThread()
	near := open(os.Args[1], os.Args[2])
	far := open(os.Args[3], os.Args[4])
	delay := time.Duration(ms) * time.Millisecond
	go carry(near, far, delay)
	go carry(far, near, delay)
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}
