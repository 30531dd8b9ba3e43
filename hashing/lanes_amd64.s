#include "textflag.h"

// BLAKE3's compression of sixteen chunks, or sixteen parents, at once with AVX-512 (BLAKE3 specification, sections 2.2 to
// 2.5). A vector holds one word of sixteen inputs: the state is in Z0 to Z15, the message in Z16 to Z31.

// HALF is one half of four quarter rounds, which depend on nothing of one another.
#define HALF(a0, b0, c0, d0, m0, a1, b1, c1, d1, m1, a2, b2, c2, d2, m2, a3, b3, c3, d3, m3, r, s) \
	VPADDD b0, a0, a0; VPADDD b1, a1, a1; VPADDD b2, a2, a2; VPADDD b3, a3, a3; \
	VPADDD m0, a0, a0; VPADDD m1, a1, a1; VPADDD m2, a2, a2; VPADDD m3, a3, a3; \
	VPXORD a0, d0, d0; VPXORD a1, d1, d1; VPXORD a2, d2, d2; VPXORD a3, d3, d3; \
	VPRORD r, d0, d0; VPRORD r, d1, d1; VPRORD r, d2, d2; VPRORD r, d3, d3; \
	VPADDD d0, c0, c0; VPADDD d1, c1, c1; VPADDD d2, c2, c2; VPADDD d3, c3, c3; \
	VPXORD c0, b0, b0; VPXORD c1, b1, b1; VPXORD c2, b2, b2; VPXORD c3, b3, b3; \
	VPRORD s, b0, b0; VPRORD s, b1, b1; VPRORD s, b2, b2; VPRORD s, b3, b3

// ROUND mixes the columns of the state and then its diagonals.
#define ROUND(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15) \
	HALF(Z0, Z4, Z8, Z12, m0, Z1, Z5, Z9, Z13, m2, Z2, Z6, Z10, Z14, m4, Z3, Z7, Z11, Z15, m6, $16, $12); \
	HALF(Z0, Z4, Z8, Z12, m1, Z1, Z5, Z9, Z13, m3, Z2, Z6, Z10, Z14, m5, Z3, Z7, Z11, Z15, m7, $8, $7); \
	HALF(Z0, Z5, Z10, Z15, m8, Z1, Z6, Z11, Z12, m10, Z2, Z7, Z8, Z13, m12, Z3, Z4, Z9, Z14, m14, $16, $12); \
	HALF(Z0, Z5, Z10, Z15, m9, Z1, Z6, Z11, Z12, m11, Z2, Z7, Z8, Z13, m13, Z3, Z4, Z9, Z14, m15, $8, $7)

// ROUNDS are all seven, each with the words of the one before in another order. The chaining values are in Z0 to Z7 then.
#define ROUNDS \
	ROUND(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31); \
	ROUND(Z18, Z22, Z19, Z26, Z23, Z16, Z20, Z29, Z17, Z27, Z28, Z21, Z25, Z30, Z31, Z24); \
	ROUND(Z19, Z20, Z26, Z28, Z29, Z18, Z23, Z30, Z22, Z21, Z25, Z16, Z27, Z31, Z24, Z17); \
	ROUND(Z26, Z23, Z28, Z25, Z30, Z19, Z29, Z31, Z20, Z16, Z27, Z18, Z21, Z24, Z17, Z22); \
	ROUND(Z28, Z29, Z25, Z27, Z31, Z26, Z30, Z24, Z23, Z18, Z21, Z19, Z16, Z17, Z22, Z20); \
	ROUND(Z25, Z30, Z27, Z21, Z24, Z28, Z31, Z17, Z29, Z19, Z16, Z26, Z18, Z22, Z20, Z23); \
	ROUND(Z27, Z31, Z21, Z16, Z17, Z25, Z24, Z22, Z30, Z26, Z18, Z28, Z19, Z20, Z23, Z29); \
	VPXORD Z8, Z0, Z0; VPXORD Z9, Z1, Z1; VPXORD Z10, Z2, Z2; VPXORD Z11, Z3, Z3; \
	VPXORD Z12, Z4, Z4; VPXORD Z13, Z5, Z5; VPXORD Z14, Z6, Z6; VPXORD Z15, Z7, Z7

// CONSTANTS sets the words of the state that are the same in all blocks: of IV, and the length of a block.
#define CONSTANTS \
	VPBROADCASTD iv<>+0(SB), Z8; VPBROADCASTD iv<>+4(SB), Z9; VPBROADCASTD iv<>+8(SB), Z10; VPBROADCASTD iv<>+12(SB), Z11; \
	MOVQ $64, AX; VPBROADCASTD AX, Z14

// IV loads the chaining value that chunks and parents begin with.
#define IV \
	VPBROADCASTD iv<>+0(SB), Z0; VPBROADCASTD iv<>+4(SB), Z1; VPBROADCASTD iv<>+8(SB), Z2; VPBROADCASTD iv<>+12(SB), Z3; \
	VPBROADCASTD iv<>+16(SB), Z4; VPBROADCASTD iv<>+20(SB), Z5; VPBROADCASTD iv<>+24(SB), Z6; VPBROADCASTD iv<>+28(SB), Z7

#define STORE(at) \
	VMOVDQU32 Z0, 0(at); VMOVDQU32 Z1, 64(at); VMOVDQU32 Z2, 128(at); VMOVDQU32 Z3, 192(at); \
	VMOVDQU32 Z4, 256(at); VMOVDQU32 Z5, 320(at); VMOVDQU32 Z6, 384(at); VMOVDQU32 Z7, 448(at)

// PAIR and SHUFFLE are the steps of a transposition, in place.
#define PAIR(low, high, a, b) low b, a, Z8; high b, a, b; VMOVDQA32 Z8, a
#define SHUFFLE(a, b) VSHUFI32X4 $0x88, b, a, Z8; VSHUFI32X4 $0xDD, b, a, b; VMOVDQA32 Z8, a

// QUAD turns four rows into four vectors: each lane of vector k holds word k of that lane of the four.
#define QUAD(a, b, c, d) \
	PAIR(VPUNPCKLDQ, VPUNPCKHDQ, a, c); PAIR(VPUNPCKLDQ, VPUNPCKHDQ, b, d); \
	PAIR(VPUNPCKLQDQ, VPUNPCKHQDQ, a, b); PAIR(VPUNPCKLQDQ, VPUNPCKHQDQ, c, d)

// LANES exchanges the lanes of four vectors: vector k gets lane k of each.
#define LANES(a, b, c, d) SHUFFLE(a, b); SHUFFLE(c, d); SHUFFLE(a, c); SHUFFLE(b, d)

// ROWS loads four rows, which are 1024 bytes apart; the inner two change places, as QUAD wants them.
#define ROWS(at, offset, a, b, c, d) \
	VMOVDQU32 (offset+0)(at), a; VMOVDQU32 (offset+1024)(at), c; VMOVDQU32 (offset+2048)(at), b; VMOVDQU32 (offset+3072)(at), d

DATA iv<>+0(SB)/8, $0xbb67ae856a09e667
DATA iv<>+8(SB)/8, $0xa54ff53a3c6ef372
DATA iv<>+16(SB)/8, $0x9b05688c510e527f
DATA iv<>+24(SB)/8, $0x5be0cd191f83d9ab
GLOBL iv<>(SB), RODATA|NOPTR, $32

DATA lane<>+0(SB)/8, $0x100000000
DATA lane<>+8(SB)/8, $0x300000002
DATA lane<>+16(SB)/8, $0x500000004
DATA lane<>+24(SB)/8, $0x700000006
DATA lane<>+32(SB)/8, $0x900000008
DATA lane<>+40(SB)/8, $0xb0000000a
DATA lane<>+48(SB)/8, $0xd0000000c
DATA lane<>+56(SB)/8, $0xf0000000e
GLOBL lane<>(SB), RODATA|NOPTR, $64

DATA even<>+0(SB)/8, $0x200000000
DATA even<>+8(SB)/8, $0x600000004
DATA even<>+16(SB)/8, $0xa00000008
DATA even<>+24(SB)/8, $0xe0000000c
DATA even<>+32(SB)/8, $0x1200000010
DATA even<>+40(SB)/8, $0x1600000014
DATA even<>+48(SB)/8, $0x1a00000018
DATA even<>+56(SB)/8, $0x1e0000001c
GLOBL even<>(SB), RODATA|NOPTR, $64

DATA odd<>+0(SB)/8, $0x300000001
DATA odd<>+8(SB)/8, $0x700000005
DATA odd<>+16(SB)/8, $0xb00000009
DATA odd<>+24(SB)/8, $0xf0000000d
DATA odd<>+32(SB)/8, $0x1300000011
DATA odd<>+40(SB)/8, $0x1700000015
DATA odd<>+48(SB)/8, $0x1b00000019
DATA odd<>+56(SB)/8, $0x1f0000001d
GLOBL odd<>(SB), RODATA|NOPTR, $64

// func compressChunks(out *lanes, chunks *byte, counter uint64)
TEXT ·compressChunks(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ chunks+8(FP), SI
	MOVQ counter+16(FP), R8
	MOVQ R8, R9
	SHRQ $32, R9
	IV
	MOVQ $16, CX
	MOVQ $1, R10 // the flag of the first block

block:
	ROWS(SI, 0, Z16, Z17, Z18, Z19)
	ROWS(SI, 4096, Z20, Z21, Z22, Z23)
	ROWS(SI, 8192, Z24, Z25, Z26, Z27)
	ROWS(SI, 12288, Z28, Z29, Z30, Z31)
	QUAD(Z16, Z17, Z18, Z19)
	QUAD(Z20, Z21, Z22, Z23)
	QUAD(Z24, Z25, Z26, Z27)
	QUAD(Z28, Z29, Z30, Z31)
	LANES(Z16, Z20, Z24, Z28)
	LANES(Z17, Z21, Z25, Z29)
	LANES(Z18, Z22, Z26, Z30)
	LANES(Z19, Z23, Z27, Z31)
	CONSTANTS
	VPBROADCASTD R8, Z12
	VPADDD lane<>(SB), Z12, Z12 // counter is a multiple of sixteen, so nothing is carried
	VPBROADCASTD R9, Z13
	CMPQ CX, $1
	JNE  flags
	ORQ  $2, R10 // of the last one

flags:
	VPBROADCASTD R10, Z15
	XORQ R10, R10
	ROUNDS
	ADDQ $64, SI
	DECQ CX
	JNZ  block
	STORE(DI)
	VZEROUPPER
	RET

// CHILDREN takes the words of left and right children apart: those with even numbers are left.
#define CHILDREN(left, right, from, l, r) \
	VMOVDQU32 from(left), l; VMOVDQU32 from(right), Z10; VMOVDQA32 l, r; VPERMT2D Z10, Z8, l; VPERMT2D Z10, Z9, r

// func compressParents(out, left, right *lanes)
TEXT ·compressParents(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ left+8(FP), SI
	MOVQ right+16(FP), BX
	VMOVDQU32 even<>(SB), Z8
	VMOVDQU32 odd<>(SB), Z9
	CHILDREN(SI, BX, 0, Z16, Z24)
	CHILDREN(SI, BX, 64, Z17, Z25)
	CHILDREN(SI, BX, 128, Z18, Z26)
	CHILDREN(SI, BX, 192, Z19, Z27)
	CHILDREN(SI, BX, 256, Z20, Z28)
	CHILDREN(SI, BX, 320, Z21, Z29)
	CHILDREN(SI, BX, 384, Z22, Z30)
	CHILDREN(SI, BX, 448, Z23, Z31)
	IV
	CONSTANTS
	VPXORD Z12, Z12, Z12
	VPXORD Z13, Z13, Z13
	MOVQ $4, AX // the flag of parents
	VPBROADCASTD AX, Z15
	ROUNDS
	STORE(DI)
	VZEROUPPER
	RET
