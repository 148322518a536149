# SPDX-License-Identifier: GPL-2.0-only
portable-y += gmm/core/admin.c gmm/core/balance.c gmm/core/core.c gmm/core/device.c gmm/core/history.c gmm/core/node.c gmm/core/operation.c \
	gmm/core/operation_result.c gmm/core/place.c gmm/core/record.c gmm/core/region.c gmm/core/resize.c gmm/core/restart.c gmm/core/request.c gmm/core/request_create.c \
	gmm/core/restore.c gmm/core/restore_operation.c gmm/core/resume.c gmm/core/step.c gmm/core/text.c gmm/core/vm.c gmm/core/move.c gmm/core/drain.c \
	gmm/core/policy.c gmm/core/placing.c gmm/core/promise.c gmm/core/rebalance.c gmm/core/reserve.c gmm/core/setting.c gmm/core/spread.c \
	gmm/core/poll.c
portable-y += gmm/core/life.c gmm/core/machine.c gmm/core/rule.c gmm/core/admit.c
portable-y += gmm/core/health.c gmm/core/health_look.c gmm/core/health_rows.c gmm/core/health_nodes.c gmm/core/health_rack.c gmm/core/health_table.c \
	gmm/core/health_vms.c
host-y += gmm/store/store.c gmm/store/schema.c gmm/store/columns.c gmm/store/keep.c gmm/store/load.c gmm/store/backup.c
# Those of the daemon that do without the rest of it.
host-y += gmm/daemon/config.c gmm/daemon/config_check.c gmm/daemon/config_netboot.c gmm/daemon/dnsmasq.c gmm/daemon/netboot_path.c
host-y += gmm/daemon/http_status.c gmm/daemon/route.c gmm/daemon/route_table.c gmm/daemon/token_file.c gmm/daemon/metrics.c gmm/daemon/wall_time.c \
	gmm/daemon/metrics_rack.c
host-y += gmm/daemon/config_value.c gmm/daemon/config_rule.c gmm/daemon/inventory.c
gmmd-y += gmm/daemon/netboot_stranger.c gmm/daemon/command_machine.c
gmmd-y += gmm/daemon/main.c gmm/daemon/reload.c gmm/daemon/log.c gmm/daemon/rack.c gmm/daemon/data.c gmm/daemon/http.c \
	gmm/daemon/netboot_script.c gmm/daemon/netboot_files.c \
	gmm/daemon/console.c gmm/daemon/listen.c gmm/daemon/control.c gmm/daemon/client.c gmm/daemon/keys.c gmm/daemon/keep.c \
	gmm/daemon/health.c
gmmd-y += gmm/daemon/command_node.c gmm/daemon/command_counters.c gmm/daemon/command_vm.c gmm/daemon/command_vm_create.c gmm/daemon/command_vm_set.c gmm/daemon/command_console.c \
	gmm/daemon/command_operation.c gmm/daemon/command_store.c gmm/daemon/command_move.c gmm/daemon/command_balance.c
gmmd-y += gmm/daemon/api.c gmm/daemon/api_check.c gmm/daemon/api_answer.c gmm/daemon/api_stream.c gmm/daemon/api_events.c \
	gmm/daemon/api_console.c gmm/daemon/api_metrics.c
gmm-y += gmm/cli/main.c gmm/cli/commands.c gmm/cli/arguments.c gmm/cli/client.c gmm/cli/run.c gmm/cli/output.c gmm/cli/print.c \
	gmm/cli/print_health.c gmm/cli/table.c gmm/cli/terminal.c gmm/cli/help.c gmm/cli/completion.c gmm/cli/manual.c \
	gmm/cli/console.c gmm/cli/full_screen.c gmm/cli/vm_file.c
host-y += gmm/base64.c gmm/units.c gmm/cli/csv.c gmm/cli/host_list.c gmm/suggest.c
unit-tests-y += tests/unit/test_gmm_store_version.c tests/unit/test_gmm_store_faults.c
unit-tests-y += tests/unit/test_gmm_core.c tests/unit/test_gmm_chaos.c tests/unit/test_gmm_config.c tests/unit/test_dnsmasq.c tests/unit/test_netboot_path.c tests/unit/test_gmm_store.c
unit-tests-y += tests/unit/test_gmm_health.c tests/unit/test_gmm_health_nodes.c tests/unit/test_gmm_health_mutes.c tests/unit/test_gmm_cli.c tests/unit/test_gmm_move.c tests/unit/test_gmm_history.c
unit-tests-y += tests/unit/test_route.c tests/unit/test_token_file.c tests/unit/test_metrics.c
fuzz-y += tests/fuzz/fuzz_netboot_path.c tests/fuzz/fuzz_host_list.c tests/fuzz/fuzz_route.c
unit-tests-y += tests/unit/test_gmm_spread.c
unit-tests-y += tests/unit/test_gmm_reserve.c
unit-tests-y += tests/unit/test_gmm_resize.c tests/unit/test_gmm_restart.c tests/unit/test_gmm_setting.c tests/unit/test_wall_time.c tests/unit/test_gmm_dry_run.c tests/unit/test_gmm_text.c tests/unit/test_gmm_poll.c tests/unit/test_gmm_start.c
unit-tests-y += tests/unit/test_gmm_device.c
unit-tests-y += tests/unit/test_gmm_place.c tests/unit/test_gmm_promise.c tests/unit/test_gmm_admin.c tests/unit/test_gmm_balance.c
unit-tests-y += tests/unit/test_gmm_life.c tests/unit/test_gmm_machine.c tests/unit/test_gmm_identity.c tests/unit/test_inventory.c
fuzz-y += tests/fuzz/fuzz_inventory.c
