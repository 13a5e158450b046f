#include "go_asm.h"
#include "textflag.h"

// SAME sets in AX a bit for each byte of the block at DI in b that is the same as in
// fixed.
#define SAME \
	VMOVDQU   0(SI)(DI*1), Y0; \
	VMOVDQU   32(SI)(DI*1), Y1; \
	VPCMPEQB  0(R9), Y0, Y0; \
	VPCMPEQB  32(R9), Y1, Y1; \
	VPMOVMSKB Y0, AX; \
	VPMOVMSKB Y1, R13; \
	SHLQ      $32, R13; \
	ORQ       R13, AX

// func compareQuickly(b []byte, i int, l *layout, k int, places *places) (at, offset int)
//
// Each round compares a block of a part, readAhead = 64 bytes, and looks at those that
// the mask has. Behind the last block it finds the value. A block goes on behind the
// part, so b must have 64 bytes more there; where it has not, the block is read from
// further in front, as is that of fixed. The header of a value must be in b, or the
// caller does the part. A part's entry has eight bytes, as have its two places. What the
// reader of the layout needs next comes from memory while the parts are compared.
//
//	SI  b              R8  the last offset in b at which a part may end
//	DI  the offset of the block, then that of the value's body, where the next part begins
//	BX  the offset of the value behind the part
//	R9  the block in fixed, where the parts stand one behind the other
//	R11 its mask
//	R10 parts          R15 the part's number
//	R12 places
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
	MOVQ       layout_masks(DX), R11
	MOVQ       layout_wanted(DX), AX
	PREFETCHT0 0(AX)
	MOVQ       (layout_own+8)(DX), BX // the plan
	PREFETCHT0 0(BX)
	PREFETCHT0 64(BX)
	MOVWLZX    part_at(R10)(R15*8), AX
	ADDQ       AX, R9
	MOVWLZX    part_masks(R10)(R15*8), AX
	LEAQ       (R11)(AX*8), R11

part:
	MOVWLZX part_size(R10)(R15*8), CX
	LEAQ    (DI)(CX*1), BX
	CMPQ    BX, R8
	JA      near
	MOVL    DI, 0(R12)(R15*8)

block:
	SAME
	ANDNQ 0(R11), AX, AX // a bit for each byte that differs and must not
	JNZ   differs
	ADDQ  $8, R11
	ADDQ  $64, DI
	ADDQ  $64, R9
	SUBQ  $64, CX
	JA    block

compared:
	ADDQ      CX, R9 // back to the end of the part
	CMPB      part_last(R10)(R15*8), $0
	JNE       done

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

near: // the end of b
	LEAQ    64(R8), AX
	LEAQ    3(BX), DX // behind the longest header above
	CMPB    part_last(R10)(R15*8), $0
	CMOVQNE BX, DX
	CMPQ    DX, AX
	JA      return
	MOVL    DI, 0(R12)(R15*8)

nearBlock:
	XORL    CX, CX
	MOVQ    DI, AX
	SUBQ    R8, AX
	CMOVQHI AX, CX // so many bytes further in front
	SUBQ    CX, DI
	SUBQ    CX, R9
	SAME
	SHRXQ   CX, AX, AX
	ANDNQ   0(R11), AX, AX
	JNZ     differs
	ADDQ    $8, R11
	LEAQ    64(DI)(CX*1), DI
	LEAQ    64(R9)(CX*1), R9
	MOVQ    BX, CX
	SUBQ    DI, CX // what is left
	JHI     nearBlock
	JMP     compared

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
	PREFETCHT0 layout_fewMasks(DX)
	PREFETCHT0 (layout_fewMasks+64)(DX)
	PREFETCHT0 (layout_fewMasks+128)(DX)
	PREFETCHT0 (layout_fewFixed+64)(DX)
	PREFETCHT0 (layout_fewFixed+128)(DX)
	PREFETCHT0 (layout_fewFixed+192)(DX)
	PREFETCHT0 (layout_fewFixed+256)(DX)
	PREFETCHT0 (layout_fewFixed+320)(DX)
	PREFETCHT0 (layout_fewFixed+384)(DX)
	RET
