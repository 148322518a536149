# SPDX-License-Identifier: GPL-2.0-only
portable-y += gmm/core/core.c gmm/core/node.c gmm/core/operation.c gmm/core/place.c gmm/core/region.c gmm/core/request.c \
	gmm/core/text.c gmm/core/vm.c
