// SPDX-License-Identifier: GPL-2.0-only
/* /metrics: the rack's numbers, and the manager's own. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gmm/daemon/api.h"
#include "gmm/daemon/metrics.h"

static uint64_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long total, resident = 0;

	if (file && fscanf(file, "%llu %llu", &total, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint64_t count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	/* Without ".", ".." and the directory itself. */
	return count < 3 ? 0 : count - 3;
}

static void put_process(struct metrics *metrics)
{
	struct rusage usage;
	uint64_t cpu_us = 0;

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
			 (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	metrics_family(metrics, "plenum_manager_cpu_seconds_total", METRICS_COUNTER, "Processor time of the manager.");
	metrics_time(metrics, NULL, cpu_us * 1000);
	metrics_family(metrics, "plenum_manager_resident_bytes", METRICS_GAUGE, "Memory of the manager that is resident.");
	metrics_count(metrics, NULL, resident_bytes());
	metrics_family(metrics, "plenum_manager_open_files", METRICS_GAUGE, "File descriptors of the manager.");
	metrics_count(metrics, NULL, open_files());
}

static void put_api(struct metrics *metrics, const struct api *api)
{
	metrics_family(metrics, "plenum_api_answers_total", METRICS_COUNTER, "Answers of the HTTP API by the first digit of their status.");
	for (unsigned i = 2; i < sizeof(api->answers) / sizeof(api->answers[0]); i++)
		metrics_count(metrics, (struct metrics_label[]){ { "class", (char[]){ (char)('0' + i), 'x', 'x', '\0' } }, { 0 } }, api->answers[i]);
	metrics_family(metrics, "plenum_api_listeners", METRICS_GAUGE, "Open streams of events and of serial lines.");
	metrics_count(metrics, NULL, api->stream_count);
	metrics_family(metrics, "plenum_api_listeners_cut_total", METRICS_COUNTER, "Streams that were cut because nobody took what they gave.");
	metrics_count(metrics, NULL, api->streams_cut);
}

enum MHD_Result api_queue_metrics(struct api_request *request)
{
	struct gmmd *gmmd = request->door->api->gmmd;
	struct metrics metrics = { 0 };

	metrics_rack(&metrics, gmmd->core, gmmd->now_ns);
	put_process(&metrics);
	put_api(&metrics, request->door->api);
	if (metrics.failed) {
		free(metrics.text);
		api_refuse(request, 503, "out of memory");
		return api_queue(request);
	}
	return api_send(request, MHD_HTTP_OK, METRICS_CONTENT_TYPE, api_whole(request, metrics.text, metrics.len_bytes));
}
