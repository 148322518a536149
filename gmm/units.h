/* SPDX-License-Identifier: GPL-2.0-only */
/* Sizes and times as people read them. */
#ifndef PLENUM_GMM_UNITS_H
#define PLENUM_GMM_UNITS_H

#define UNITS_BYTES 64

/* Both return `text`: "1.5 GiB", "64 MiB"; "870 ns", "12.3 us", "4.56 ms", "7.89 s". */
const char *units_size(double bytes, char text[UNITS_BYTES]);
const char *units_time(double ns, char text[UNITS_BYTES]);

/* How long ago, or for how long, to a glance: "12.3 s", "5 min", "3 h 20 min", "2 d 5 h". Returns `text`. */
const char *units_ago(double seconds, char text[UNITS_BYTES]);

/* "25G" or "400M", bits a second, as Mbit/s; 1 to 10,000,000. -1: it is none. */
#define UNITS_RATE_MBPS_MAX 10000000u
long units_rate_mbps(const char *text);

#endif
