/* SPDX-License-Identifier: GPL-2.0-only */
/* The log: lines on the serial console, and the latest of them in a ring in memory (`log_ring`, for a debugger). */
#include <kernel/format.h>
#include <kernel/kernel.h>
#include <kernel/log.h>

static struct spinlock log_lock = SPINLOCK("log");
static char log_ring[LOG_RING_BYTES];
static uint32_t log_ring_end;		/* counts all bytes ever; the place is modulo LOG_RING_BYTES */

int vsnprintf(char *buffer, size_t bytes, const char *format, va_list arguments)
{
	return format_text(buffer, bytes, format, arguments);
}

int snprintf(char *buffer, size_t bytes, const char *format, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = format_text(buffer, bytes, format, arguments);
	va_end(arguments);
	return len;
}

static void emit(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		log_ring[log_ring_end++ % LOG_RING_BYTES] = text[i];
	serial_write(text, len);
}

/* How much of a formatted text is in a buffer that keeps 2 bytes for the line's end. */
static size_t length_kept(int len)
{
	return len < LOG_LINE_BYTES_MAX - 3 ? (size_t)len : LOG_LINE_BYTES_MAX - 3;
}

void log_line(enum log_level level, const char *format, ...)
{
	static const char letters[] = { 'E', 'W', 'I', 'D' };
	char line[LOG_LINE_BYTES_MAX];
	uint64_t now_us = now_ns() / 1000;
	va_list arguments;
	size_t len;

	if ((int)level > CONFIG_LOG_LEVEL)
		return;
	len = (size_t)snprintf(line, sizeof(line), "[%5lu.%06lu] %c ", now_us / 1000000, now_us % 1000000, letters[level]);
	va_start(arguments, format);
	len = length_kept((int)len + vsnprintf(line + len, sizeof(line) - len - 2, format, arguments));
	va_end(arguments);
	line[len++] = '\r';
	line[len++] = '\n';
	spin_lock(&log_lock);
	emit(line, len);
	spin_unlock(&log_lock);
}

void log_raw(const char *format, ...)
{
	char line[LOG_LINE_BYTES_MAX];
	va_list arguments;
	size_t len;

	va_start(arguments, format);
	len = length_kept(vsnprintf(line, sizeof(line) - 2, format, arguments));
	va_end(arguments);
	line[len++] = '\r';
	line[len++] = '\n';
	emit(line, len);
}
