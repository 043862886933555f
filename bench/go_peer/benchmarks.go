package main

import (
	"bytes"
	"compress/lzw"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"io"
)

// The packet size is memberlist's UDPBufferSize, the state that of a push/pull
// of some hundred members.
const (
	packetBytes = 1400
	stateBytes  = 64 << 10
)

func benchmarks() []benchmark {
	all := []benchmark{
		crcOf(packetBytes),
		handlePings("ping-handled", 0),
		handlePings("ping-handled-aes-128", 16),
	}
	for _, size := range []int{packetBytes, stateBytes} {
		all = append(all, compress(size), decompress(size))
	}
	for _, keyBytes := range []int{16, 24, 32} {
		all = append(all, seal(keyBytes), open(keyBytes), sealLikeMemberlist(keyBytes))
	}
	return all
}

func crcOf(size int) benchmark {
	return benchmark{fmt.Sprintf("crc32-%d", size), "B/s", float64(size), func() (func(int), error) {
		input := benchInput(size)
		return func(count int) {
			for range count {
				crc32.ChecksumIEEE(input)
			}
		}, nil
	}}
}

// compress makes a new writer for every message, as memberlist does.
func compress(size int) benchmark {
	return benchmark{fmt.Sprintf("lzw-compress-%d", size), "B/s", float64(size), func() (func(int), error) {
		input := benchInput(size)
		return func(count int) {
			for range count {
				compressed(input)
			}
		}, nil
	}}
}

func compressed(input []byte) []byte {
	var buf bytes.Buffer
	w := lzw.NewWriter(&buf, lzw.LSB, 8)
	_, _ = w.Write(input)
	_ = w.Close()
	return buf.Bytes()
}

// decompress counts the bytes that come out.
func decompress(size int) benchmark {
	return benchmark{fmt.Sprintf("lzw-decompress-%d", size), "B/s", float64(size), func() (func(int), error) {
		packed := compressed(benchInput(size))
		return func(count int) {
			for range count {
				r := lzw.NewReader(bytes.NewReader(packed), lzw.LSB, 8)
				var out bytes.Buffer
				if n, err := io.Copy(&out, r); err != nil || int(n) != size {
					panic(fmt.Sprint("decompressed ", n, err))
				}
				_ = r.Close()
			}
		}, nil
	}}
}

func gcm(keyBytes int) (cipher.AEAD, error) {
	block, err := aes.NewCipher(benchInput(keyBytes))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal and open keep the cipher, which is the best Go can do.
func seal(keyBytes int) benchmark {
	return benchmark{fmt.Sprintf("aes-%d-seal", keyBytes*8), "packets/s", 1, func() (func(int), error) {
		aead, err := gcm(keyBytes)
		input, nonce := benchInput(packetBytes), make([]byte, 12)
		out := make([]byte, 0, packetBytes+64)
		return func(count int) {
			for range count {
				_, _ = rand.Read(nonce)
				aead.Seal(out, nonce, input, nil)
			}
		}, err
	}}
}

func open(keyBytes int) benchmark {
	return benchmark{fmt.Sprintf("aes-%d-open", keyBytes*8), "packets/s", 1, func() (func(int), error) {
		aead, err := gcm(keyBytes)
		if err != nil {
			return nil, err
		}
		nonce := make([]byte, 12)
		sealed := aead.Seal(nil, nonce, benchInput(packetBytes), nil)
		out := make([]byte, 0, packetBytes+64)
		return func(count int) {
			for range count {
				if _, err := aead.Open(out, nonce, sealed, nil); err != nil {
					panic(err)
				}
			}
		}, nil
	}}
}

// sealLikeMemberlist expands the key for every packet, as memberlist does.
func sealLikeMemberlist(keyBytes int) benchmark {
	name := fmt.Sprintf("aes-%d-seal-as-memberlist", keyBytes*8)
	return benchmark{name, "packets/s", 1, func() (func(int), error) {
		input, nonce := benchInput(packetBytes), make([]byte, 12)
		return func(count int) {
			for range count {
				aead, err := gcm(keyBytes)
				if err != nil {
					panic(err)
				}
				_, _ = rand.Read(nonce)
				aead.Seal(nil, nonce, input, nil)
			}
		}, nil
	}}
}
