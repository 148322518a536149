# SPDX-License-Identifier: GPL-2.0-only
portable-y += net/rpc/endpoint.c net/rpc/pool.c net/rpc/table.c net/rpc/session.c net/rpc/hello.c
portable-y += net/rpc/connect.c net/rpc/accept.c net/rpc/mac.c net/rpc/secret.c net/rpc/receive.c net/rpc/transfer.c
portable-y += net/rpc/call.c net/rpc/serve.c net/rpc/pull.c net/rpc/message.c net/rpc/stats.c
unit-tests-y += tests/unit/test_rpc_codec.c tests/unit/test_rpc_together.c tests/unit/test_rpc_session.c tests/unit/test_rpc_hostile.c tests/unit/test_rpc_lies.c tests/unit/test_rpc_keys.c tests/unit/test_rpc_pools.c tests/unit/test_rpc_stats.c
unit-tests-y += tests/unit/test_rpc_places.c
fuzz-y += tests/fuzz/fuzz_rpc_decode.c tests/fuzz/fuzz_rpc_session.c
