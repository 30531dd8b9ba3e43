#include "textflag.h"

// stub is the entry of an executable: it has argc, argv and envp on its stack, its data at 0x10010000 (see stubData) and a
// socket as descriptor 3. Its argv[0] is the program's path, the rest are the program's arguments.
TEXT ·stub(SB),NOSPLIT|NOFRAME,$0-0
	MOVD	RSP, R19
	MOVD	$0x10010000, R20

	// prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	MOVD	$167, R8
	MOVD	$38, R0
	MOVD	$1, R1
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$0, R4
	SVC
	CMP	$0, R0
	BNE	failed

	// fcntl(3, F_SETFD, FD_CLOEXEC)
	MOVD	$25, R8
	MOVD	$3, R0
	MOVD	$2, R1
	MOVD	$1, R2
	SVC
	CMP	$0, R0
	BNE	failed

	// seccomp(SECCOMP_SET_MODE_FILTER, flags, prog)
	MOVD	$277, R8
	MOVD	$1, R0
	MOVD	16(R20), R1
	MOVD	R20, R2
	SVC
	CMP	$0, R0
	BLT	failed
	MOVW	R0, 128(R20)

	// sendmsg(3, message with the listener, 0)
	MOVD	$211, R8
	MOVD	$3, R0
	ADD	$40, R20, R1
	MOVD	$0, R2
	SVC
	CMP	$0, R0
	BLT	failed

	// execve(argv[0], argv+1, envp, nonce)
	MOVD	$221, R8
	MOVD	8(R19), R0
	ADD	$16, R19, R1
	MOVD	0(R19), R2
	ADD	R2<<3, R1, R2
	MOVD	24(R20), R3
	MOVD	32(R20), R4
	SVC

failed:
	// write(3, error, 8)
	MOVD	R0, 136(R20)
	MOVD	$64, R8
	MOVD	$3, R0
	ADD	$136, R20, R1
	MOVD	$8, R2
	SVC

	// exit_group(127)
	MOVD	$94, R8
	MOVD	$127, R0
	SVC
	UNDEF

// func stubStart() uintptr
TEXT ·stubStart(SB),NOSPLIT,$0-8
	MOVD	$·stub(SB), R0
	MOVD	R0, ret+0(FP)
	RET
