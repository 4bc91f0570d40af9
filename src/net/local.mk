noinst_LIBRARIES += %D%/libnet.a
%C%_libnet_a_SOURCES = \
  %D%/topology.c %D%/topology.h %D%/topology_priv.h \
  %D%/topology_graph.c %D%/topology_ops.c %D%/topology_window.c %D%/topology_moves.c %D%/topology_build.c \
  %D%/topology_hash.c %D%/topology_print.c \
  %D%/topology_yaml.c %D%/topology_yaml.h \
  %D%/topology_keys.c %D%/topology_keys_priv.h %D%/topology_write.c
%C%_libnet_a_SOURCES += %D%/net.c %D%/net.h
%C%_libnet_a_SOURCES += %D%/layout.c %D%/layout.h %D%/origin.c %D%/origin.h
%C%_libnet_a_SOURCES += %D%/stored.c %D%/stored.h
%C%_libnet_a_SOURCES += %D%/fold_norm.c %D%/fold_norm.h

# Data sets.
%C%_libnet_a_SOURCES += \
  %D%/dataset.c %D%/dataset.h %D%/dataset_priv.h \
  %D%/dataset_csv.c %D%/dataset_idx.c %D%/dataset_cifar.c %D%/dataset_ppm.c \
  %D%/dataset_folder.c %D%/dataset_group.c %D%/dataset_setting.c \
  %D%/dataset_summary.c %D%/csv_header.c %D%/csv_header_priv.h \
  %D%/image_ppm.c %D%/image_resize.c %D%/image_priv.h
%C%_libnet_a_SOURCES += %D%/split.c %D%/split.h
%C%_libnet_a_SOURCES += %D%/normalisation.c %D%/normalisation.h
%C%_libnet_a_SOURCES += %D%/adapt.c %D%/adapt.h
%C%_libnet_a_SOURCES += %D%/batch.c %D%/batch.h

# The search space and the network operators.
%C%_libnet_a_SOURCES += %D%/channels.c %D%/channels.h
%C%_libnet_a_SOURCES += \
  %D%/space.c %D%/space.h %D%/space_priv.h %D%/space_yaml.c %D%/space_sample.c
%C%_libnet_a_SOURCES += \
  %D%/morph.c %D%/morph.h %D%/morph_priv.h %D%/morph_edit.c \
  %D%/morph_inherit.c %D%/morph_inherit.h %D%/morph_copy.c %D%/morph_moments.c \
  %D%/morph_width.c %D%/morph_depth.c %D%/morph_skip.c %D%/morph_conv.c \
  %D%/morph_pool.c %D%/morph_cross.c
