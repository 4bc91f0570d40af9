noinst_LIBRARIES += %D%/libevolve.a
%C%_libevolve_a_SOURCES = \
  %D%/order.c %D%/order_priv.h \
  %D%/sort.c %D%/sort.h \
  %D%/sort_tree.c %D%/sort_tree_priv.h
%C%_libevolve_a_SOURCES += \
  %D%/crowding.c %D%/crowding.h \
  %D%/survival.c %D%/survival.h \
  %D%/thinning.c %D%/thinning.h \
  %D%/keyset.c %D%/keyset.h \
  %D%/preselect.c %D%/preselect.h \
  %D%/nsga2.c %D%/nsga2.h %D%/nsga2_priv.h \
  %D%/nsga2_propose.c %D%/nsga2_run.c
%C%_libevolve_a_SOURCES += \
  %D%/hypervolume.c %D%/hypervolume.h %D%/bits_priv.h \
  %D%/igd.c %D%/igd.h \
  %D%/variation.c %D%/variation.h \
  %D%/problems.c %D%/problems.h \
  %D%/knee.c %D%/knee.h
