-- The private configuration folder of Wireside: read when WIRESHARK_CONFIG_DIR names it.
dofile(Dir.personal_config_path("wireside.lua"))
