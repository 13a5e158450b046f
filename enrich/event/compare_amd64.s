#include "go_asm.h"
#include "textflag.h"

// func compareQuickly(b []byte, i int, l *layout, k int, places *places) (at, offset int)
//
// Each round compares a part, a block of readAhead = 64 bytes at a time, and finds
// the value behind it. Bytes of the last block that are behind the part are read
// and not looked at: b must go on for 64 bytes behind the part, and the header of
// the value is among them, or the caller does this part. A part's entry has eight
// bytes, as have its two places. What the reader of the layout needs next comes from
// memory while the parts are compared.
//
//	SI  b              R8  the last offset in b at which a part may end
//	DI  the offset of the block, then that of the value's body, where the next part begins
//	BX  the offset of the value behind the part
//	R9  the block in fixed, where the parts stand one behind the other
//	R10 parts          R15 the part's number
//	R12 places         R11 the last part's
//	CX  how many bytes are left to compare, then the size of the value
//	AX, DX, R13, R14 for a moment
TEXT ·compareQuickly(SB), NOSPLIT, $0-72
	MOVQ       b_base+0(FP), SI
	MOVQ       b_len+8(FP), R8
	SUBQ       $const_readAhead, R8
	MOVQ       i+24(FP), DI
	MOVQ       l+32(FP), DX
	MOVQ       k+40(FP), R15
	MOVQ       places+48(FP), R12
	MOVQ       layout_fixed(DX), R9
	MOVQ       layout_parts(DX), R10
	MOVQ       (layout_parts+8)(DX), R11
	DECQ       R11
	MOVQ       layout_wanted(DX), AX
	PREFETCHT0 0(AX)
	MOVQ       (layout_own+8)(DX), BX // the plan
	PREFETCHT0 0(BX)
	PREFETCHT0 64(BX)
	MOVWLZX    part_at(R10)(R15*8), AX
	ADDQ       AX, R9

part:
	MOVWLZX part_size(R10)(R15*8), CX
	LEAQ    (DI)(CX*1), BX
	CMPQ    BX, R8
	JA      return
	MOVL    DI, 0(R12)(R15*8)

block:
	VMOVDQU   0(SI)(DI*1), Y0
	VMOVDQU   32(SI)(DI*1), Y1
	VPCMPEQB  0(R9), Y0, Y0
	VPCMPEQB  32(R9), Y1, Y1
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
	CMPQ      R15, R11
	JEQ       done
	ADDQ      CX, R9

	// The two formats of nearly all values, without a branch between them: a
	// string of up to 31 bytes, and one with a byte for its length.
	MOVBLZX 0(SI)(BX*1), AX
	MOVBLZX 1(SI)(BX*1), R14
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
	MOVL DI, 4(R12)(R15*8)
	ADDQ CX, DI
	INCQ R15
	JMP  part

whole:
	TESTQ AX, AX
	JNZ   differs
	ADDQ  $64, DI
	ADDQ  $64, R9
	SUBQ  $64, CX
	JMP   block

other: // a string with two bytes for its length?
	CMPL    AX, $0xda
	JNE     number
	MOVBLZX 1(SI)(BX*1), CX
	MOVBLZX 2(SI)(BX*1), DX
	SHLL    $8, CX
	ORL     DX, CX
	LEAQ    3(BX), DI
	JMP     value

number: // where the value need not be a string, up to 127, or 8 to 64 bits?
	CMPB  part_text(R10)(R15*8), $0
	JNE   back
	LEAQ  1(BX), DI
	XORL  CX, CX
	CMPL  AX, $0x80
	JB    value
	LEAL  -0xcc(AX), CX
	CMPL  CX, $8
	JAE   back
	ANDL  $3, CX
	MOVL  $1, DX
	SHLXL CX, DX, CX
	JMP   value

back: // the caller does this part
	MOVL 0(R12)(R15*8), DI
	JMP  return

done:
	MOVQ BX, DI
	INCQ R15
	JMP  return

differs:
	MOVQ $-1, R15
	MOVQ $-1, DI

return:
	VZEROUPPER
	MOVQ R15, at+56(FP)
	MOVQ DI, offset+64(FP)
	RET

// func prefetch(l *layout)
//
// It takes the lines that most layouts fill.
TEXT ·prefetch(SB), NOSPLIT, $0-8
	MOVQ       l+0(FP), DX
	PREFETCHT0 0(DX)
	PREFETCHT0 64(DX)
	PREFETCHT0 128(DX)
	PREFETCHT0 layout_fewParts(DX)
	PREFETCHT0 (layout_fewParts+64)(DX)
	PREFETCHT0 (layout_fewParts+128)(DX)
	PREFETCHT0 layout_fewFixed(DX)
	PREFETCHT0 (layout_fewFixed+64)(DX)
	PREFETCHT0 (layout_fewFixed+128)(DX)
	PREFETCHT0 (layout_fewFixed+192)(DX)
	PREFETCHT0 (layout_fewFixed+256)(DX)
	PREFETCHT0 (layout_fewFixed+320)(DX)
	RET
