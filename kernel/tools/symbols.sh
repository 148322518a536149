#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Prints the assembly of the symbol table that kernel/symbols.c reads: symbols.sh [ELF]; without a file, an empty table.
# The table comes after the text in the image, so putting it in does not move what it describes.
set -eu
export LC_ALL=C

{ [ $# -eq 0 ] || nm -n "$1"; } | awk '
	BEGIN { count = 0 }
	# Code of the image proper has high addresses; text_start comes before any of it.
	$3 == "text_start" { base = $1; next }
	$2 ~ /^[tT]$/ && $1 ~ /^ffffffff/ && base != "" && $3 != "text_end" && $1 != last {
		last = $1
		address[count] = $1
		name[count++] = $3
	}
	END {
		print "\t.section .symbols, \"a\"\n\t.globl symbol_table, symbol_count, symbol_names\n\t.balign 8"
		print "symbol_count:\n\t.long " count
		print "symbol_table:"
		offset = 0
		for (i = 0; i < count; i++) {
			print "\t.long 0x" address[i] " - 0x" base ", " offset
			offset += length(name[i]) + 1
		}
		print "symbol_names:"
		for (i = 0; i < count; i++)
			print "\t.asciz \"" name[i] "\""
		print "\t.section .note.GNU-stack, \"\", @progbits"
	}'
