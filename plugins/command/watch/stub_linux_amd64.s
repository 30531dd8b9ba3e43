#include "textflag.h"

// stub is the entry of an executable: it has argc, argv and envp on its stack, its data at 0x10010000 (see stubData) and a
// socket as descriptor 3. Its argv[0] is the program's path, the rest are the program's arguments.
TEXT ·stub(SB),NOSPLIT|NOFRAME,$0-0
	MOVQ	SP, R12
	MOVQ	$0x10010000, BX

	// prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	MOVL	$157, AX
	MOVL	$38, DI
	MOVL	$1, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	SYSCALL
	TESTQ	AX, AX
	JNE	failed

	// fcntl(3, F_SETFD, FD_CLOEXEC)
	MOVL	$72, AX
	MOVL	$3, DI
	MOVL	$2, SI
	MOVL	$1, DX
	SYSCALL
	TESTQ	AX, AX
	JNE	failed

	// seccomp(SECCOMP_SET_MODE_FILTER, flags, prog)
	MOVL	$317, AX
	MOVL	$1, DI
	MOVQ	16(BX), SI
	MOVQ	BX, DX
	SYSCALL
	TESTQ	AX, AX
	JLT	failed
	MOVL	AX, 128(BX)

	// sendmsg(3, message with the listener, 0)
	MOVL	$46, AX
	MOVL	$3, DI
	LEAQ	40(BX), SI
	XORL	DX, DX
	SYSCALL
	TESTQ	AX, AX
	JLT	failed

	// execve(argv[0], argv+1, envp, nonce)
	MOVL	$59, AX
	MOVQ	8(R12), DI
	LEAQ	16(R12), SI
	MOVQ	(R12), CX
	LEAQ	16(R12)(CX*8), DX
	MOVQ	24(BX), R10
	MOVQ	32(BX), R8
	SYSCALL

failed:
	// write(3, error, 8)
	MOVQ	AX, 136(BX)
	MOVL	$1, AX
	MOVL	$3, DI
	LEAQ	136(BX), SI
	MOVL	$8, DX
	SYSCALL

	// exit_group(127)
	MOVL	$231, AX
	MOVL	$127, DI
	SYSCALL
	UNDEF

// func stubStart() uintptr
TEXT ·stubStart(SB),NOSPLIT,$0-8
	LEAQ	·stub(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
