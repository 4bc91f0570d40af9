noinst_LIBRARIES += %D%/libevolve.a
%C%_libevolve_a_SOURCES = \
  %D%/order.c %D%/order_priv.h \
  %D%/sort.c %D%/sort.h \
  %D%/sort_tree.c %D%/sort_tree_priv.h
