// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "gmm/console/guest_output.h"

#define ESCAPE 0x1b
#define CANCEL 0x18
#define SUBSTITUTE 0x1a
#define BELL 0x07

/* Sequences without a leader: cursor, erasing, lines and characters, scrolling, colours, modes, the scrolling region. */
static const char plain_finals[] = "@ABCDEFGHJKLMPSTXdfhlmr";
/* DECSET and DECRST, of these modes: cursor keys, origin, wrap, cursor shown, the other screen. */
static const uint16_t modes[] = { 1, 6, 7, 25, 47, 1047, 1048, 1049 };
#define MODE_MAX 9999

static size_t copy(char *piece, const char *text)
{
	size_t len = strlen(text);

	memcpy(piece, text, len);
	return len;
}

/* ---------------------------------------------------------------- sequences */

static void begin_sequence(struct guest_output *output)
{
	output->state = GUEST_SEQUENCE;
	output->leader = 0;
	output->refused = false;
	output->numbers = 1;
	output->number[0] = 0;
}

static bool mode_passes(uint16_t mode)
{
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (mode == modes[i])
			return true;
	return false;
}

static size_t end_sequence(struct guest_output *output, uint8_t final, char *piece)
{
	size_t len = 2;

	output->state = GUEST_TEXT;
	if (output->refused || (output->leader ? final != 'h' && final != 'l' : !strchr(plain_finals, final)))
		return 0;
	for (unsigned i = 0; i < output->numbers; i++)
		if (output->leader ? !mode_passes(output->number[i]) : output->number[i] > GUEST_NUMBER_MAX)
			return 0;
	piece[0] = ESCAPE;
	piece[1] = '[';
	if (output->leader)
		piece[len++] = output->leader;
	/* 0 is left out: for all that pass, it is the same as no number. */
	for (unsigned i = 0; i < output->numbers; i++)
		len += (size_t)snprintf(piece + len, GUEST_PIECE_BYTES - len, output->number[i] ? "%s%u" : "%s", i ? ";" : "",
					output->number[i]);
	piece[len++] = (char)final;
	return len;
}

static size_t take_sequence(struct guest_output *output, uint8_t byte, char *piece)
{
	uint16_t *number = &output->number[output->numbers - 1];

	if (byte >= '0' && byte <= '9') {
		unsigned value = *number * 10u + byte - '0';

		*number = (uint16_t)(value > MODE_MAX ? MODE_MAX : value);
	} else if (byte == ';' && output->numbers < GUEST_NUMBERS_MAX) {
		output->number[output->numbers++] = 0;
	} else if (byte == '?' && !output->leader && output->numbers == 1 && *number == 0) {
		output->leader = '?';
	} else if (byte >= 0x40 && byte < 0x7f) {
		return end_sequence(output, byte, piece);
	} else {
		output->refused = true;
	}
	return 0;
}

static size_t take_escape(struct guest_output *output, uint8_t byte, char *piece)
{
	output->state = GUEST_TEXT;
	switch (byte) {
	case '[': begin_sequence(output); return 0;
	case ']': case 'P': case 'X': case '^': case '_': output->state = GUEST_STRING; return 0;
	case '(': case ')': case '*': case '+': case '#': case '%': case ' ':
		output->designates = byte;
		output->state = GUEST_CHARSET;
		return 0;
	case '7': case '8': case 'D': case 'E': case 'M': case 'c': case '=': case '>':
		piece[0] = ESCAPE;
		piece[1] = (char)byte;
		return 2;
	default: return 0;
	}
}

static size_t take_charset(struct guest_output *output, uint8_t byte, char *piece)
{
	output->state = GUEST_TEXT;
	/* Line drawing and ASCII, for the two sets that a serial line has; after the others a byte means something else. */
	if ((output->designates != '(' && output->designates != ')') || (byte != '0' && byte != 'B'))
		return 0;
	piece[0] = ESCAPE;
	piece[1] = (char)output->designates;
	piece[2] = (char)byte;
	return 3;
}

/* ---------------------------------------------------------------- text */

static void begin_character(struct guest_output *output, uint8_t byte)
{
	output->more = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
	output->least = byte < 0xe0 ? 0x80 : byte < 0xf0 ? 0x800 : 0x10000;
	output->character = byte & (0x3fu >> output->more);
}

static size_t end_character(struct guest_output *output, char *piece)
{
	uint32_t character = output->character;

	/* Not C1 controls, which libvterm would obey; nothing that UTF-8 does not have. */
	if (character < output->least || character < 0xa0 || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		return copy(piece, "?");
	if (character < 0x800) {
		piece[0] = (char)(0xc0 | character >> 6);
		piece[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	/* Beyond the basic plane nothing is shown as it is: one column, so that the rest of the line stands right. */
	if (character >= 0x10000)
		return copy(piece, "?");
	piece[0] = (char)(0xe0 | character >> 12);
	piece[1] = (char)(0x80 | (character >> 6 & 0x3f));
	piece[2] = (char)(0x80 | (character & 0x3f));
	return 3;
}

static size_t take_text(struct guest_output *output, uint8_t byte, char *piece)
{
	if (output->more && (byte & 0xc0) == 0x80) {
		output->character = output->character << 6 | (byte & 0x3f);
		return --output->more ? 0 : end_character(output, piece);
	}
	output->more = 0;		/* what was cut off is left out */
	if (byte >= 0xc2 && byte < 0xf5) {
		begin_character(output, byte);
		return 0;
	}
	piece[0] = byte < 0x7f ? (char)byte : '?';
	return 1;
}

/* Controls that pass: backspace, tab, the ends of lines, the shifts between character sets. */
static bool control_passes(uint8_t byte)
{
	return byte >= 0x08 && byte <= 0x0f;
}

size_t guest_output_take(struct guest_output *output, uint8_t byte, char piece[GUEST_PIECE_BYTES])
{
	if (output->state == GUEST_STRING_ESCAPE && byte == '\\') {
		output->state = GUEST_TEXT;
		return 0;
	}
	if (byte == ESCAPE) {
		output->more = 0;
		output->state = output->state == GUEST_STRING ? GUEST_STRING_ESCAPE : GUEST_ESCAPE;
		return 0;
	}
	if (output->state == GUEST_STRING_ESCAPE)
		output->state = GUEST_ESCAPE;	/* the string was broken off by another sequence */
	if (output->state == GUEST_STRING) {
		if (byte == BELL || byte == CANCEL || byte == SUBSTITUTE)
			output->state = GUEST_TEXT;
		return 0;
	}
	if (byte < ' ') {
		if (byte == CANCEL || byte == SUBSTITUTE)
			output->state = GUEST_TEXT;
		piece[0] = (char)byte;
		return control_passes(byte);
	}
	switch (output->state) {
	case GUEST_ESCAPE: return take_escape(output, byte, piece);
	case GUEST_CHARSET: return take_charset(output, byte, piece);
	case GUEST_SEQUENCE: return take_sequence(output, byte, piece);
	default: return take_text(output, byte, piece);
	}
}
