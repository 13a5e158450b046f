#include "go_asm.h"
#include "textflag.h"

// func compareQuickly(b []byte, i int, fixed []byte, parts []part, k int, places *places) (at, offset int)
//
// Each round compares a part, a block of readAhead = 64 bytes at a time, and finds
// the value behind it. Bytes of the last block that are behind the part are read
// and not looked at: b must go on for 64 bytes behind the part, and the header of
// the value is among them, or the caller does this part. The places of a part are
// three int32.
//
//	SI  b              R8  the last place in b at which a part may end
//	DI  the block in b, then the body of the value, where the next part begins
//	R15 the part in b  BX  the value behind it
//	R9  fixed          DX  the block in fixed
//	R10 the part's entry in parts
//	R11 how many parts are left, this one included
//	R12 the part's places
//	CX  how many bytes are left to compare, then the size of the value
//	AX, R13, R14 for a moment
TEXT ·compareQuickly(SB), NOSPLIT, $0-112
	MOVQ b_base+0(FP), SI
	MOVQ b_len+8(FP), R8
	LEAQ -const_readAhead(SI)(R8*1), R8
	MOVQ i+24(FP), DI
	ADDQ SI, DI
	MOVQ fixed_base+32(FP), R9
	MOVQ parts_base+56(FP), R10
	MOVQ parts_len+64(FP), R11
	MOVQ k+80(FP), AX
	MOVQ places+88(FP), R12
	SUBQ AX, R11
	LEAQ (AX)(AX*2), DX
	LEAQ (R12)(DX*4), R12
	IMUL3Q $part__size, AX, AX
	ADDQ AX, R10

part:
	MOVWLZX part_size(R10), CX
	MOVWLZX part_at(R10), DX
	ADDQ R9, DX
	LEAQ (DI)(CX*1), BX
	CMPQ BX, R8
	JA   leave
	MOVQ DI, AX
	SUBQ SI, AX
	MOVL AX, 0(R12)
	MOVQ DI, R15

block:
	VMOVDQU   0(DI), Y0
	VMOVDQU   32(DI), Y1
	VPCMPEQB  0(DX), Y0, Y0
	VPCMPEQB  32(DX), Y1, Y1
	VPMOVMSKB Y0, AX
	VPMOVMSKB Y1, R13
	SHLQ      $32, R13
	ORQ       R13, AX
	NOTQ      AX // a bit for each byte that differs
	CMPQ      CX, $64
	JAE       whole
	BZHIQ     CX, AX, AX
	TESTQ     AX, AX
	JNZ       differs
	CMPQ      R11, $1
	JEQ       done

	// The two formats of nearly all values, without a branch between them: a
	// string of up to 31 bytes, and one with a byte for its length.
	MOVBLZX 0(BX), AX
	MOVBLZX 1(BX), R14
	LEAQ    1(BX), DI
	LEAQ    2(BX), DX
	LEAL    -0xa0(AX), CX
	CMPL    CX, $0x20
	SETCS   R13
	CMPL    AX, $0xd9
	CMOVQEQ DX, DI
	CMOVQEQ R14, CX
	SETEQ   DX
	ORB     DX, R13
	JZ      other

value:
	MOVQ BX, AX
	SUBQ SI, AX
	MOVL AX, 4(R12)
	MOVQ DI, AX
	SUBQ SI, AX
	MOVL AX, 8(R12)
	ADDQ CX, DI
	ADDQ $part__size, R10
	ADDQ $12, R12
	DECQ R11
	JMP  part

whole:
	TESTQ AX, AX
	JNZ   differs
	ADDQ  $64, DI
	ADDQ  $64, DX
	SUBQ  $64, CX
	JMP   block

other: // a string with two bytes for its length?
	CMPL    AX, $0xda
	JNE     number
	MOVBLZX 1(BX), CX
	MOVBLZX 2(BX), DX
	SHLL    $8, CX
	ORL     DX, CX
	LEAQ    3(BX), DI
	JMP     value

number: // where the value need not be a string, up to 127, or 8 to 64 bits?
	CMPB part_text(R10), $0
	JNE  back
	LEAQ 1(BX), DI
	XORL CX, CX
	CMPL AX, $0x80
	JB   value
	LEAL -0xcc(AX), CX
	CMPL CX, $8
	JAE  back
	ANDL $3, CX
	MOVL $1, DX
	SHLXL CX, DX, CX
	JMP  value

back: // the caller does this part
	MOVQ R15, DI

leave:
	SUBQ SI, DI
	MOVQ parts_len+64(FP), AX
	SUBQ R11, AX
	JMP  return

done:
	MOVQ BX, DI
	SUBQ SI, DI
	MOVQ parts_len+64(FP), AX
	JMP  return

differs:
	MOVQ $-1, AX
	MOVQ $-1, DI

return:
	VZEROUPPER
	MOVQ AX, at+96(FP)
	MOVQ DI, offset+104(FP)
	RET
