noinst_LIBRARIES += %D%/libnet.a
%C%_libnet_a_SOURCES = \
  %D%/topology.c %D%/topology.h %D%/topology_priv.h \
  %D%/topology_graph.c %D%/topology_ops.c \
  %D%/topology_hash.c %D%/topology_print.c \
  %D%/topology_yaml.h \
  %D%/net.c %D%/net.h \
  %D%/stored.c %D%/stored.h
