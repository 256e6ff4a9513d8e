# mistake(NAME STAGE COUNT TEXT REPLACEMENT): the kernel of a stage in which a text, which occurs
# COUNT times, is replaced. Those named right_* are no mistake: they show that what is rejected is
# rejected for its mistake.

mistake(right_01 01_v1_tiling 1 "convert(P, S);" "convert(P, S);")
mistake(first_sweep_without_causal_mask 01_v1_tiling 1
  "mask_causal(S, first_query + hbm.diagonal - first_key);\n\n        update_row_max"
  "(void)0;\n\n        update_row_max")

mistake(right_02 02_online_softmax 1 "convert(P, S);" "convert(P, S);")
mistake(maximum_from_minus_100_in_02 02_online_softmax 1
  "fill(row_max, -INFINITY);" "fill(row_max, -100);")
mistake(maximum_from_minus_10000_in_02 02_online_softmax 1
  "fill(row_max, -INFINITY);" "fill(row_max, -10000);")

mistake(right_03 03_v2 1 "convert(P, S);" "convert(P, S);")
mistake(maximum_from_minus_100_in_03 03_v2 1 "fill(row_max, -INFINITY);" "fill(row_max, -100);")
mistake(maximum_from_minus_10000_in_03 03_v2 1 "fill(row_max, -INFINITY);" "fill(row_max, -10000);")
mistake(without_mask_end 03_v2 1 "mask_end(S, hbm.keys - first_key);" "")
mistake(mask_top_left 03_v2 1 "diagonal = first_query + hbm.diagonal;" "diagonal = first_query;")
mistake(mask_without_first_row 03_v2 1
  "mask_causal(S, diagonal - first_key)" "mask_causal(S, hbm.diagonal - first_key)")
mistake(seen_by_all_one_too_many 03_v2 1
  "std::min(hbm.keys, diagonal + 1)" "std::min(hbm.keys, diagonal + 2)")
mistake(seen_one_too_few 03_v2 1
  "std::min(hbm.keys, diagonal + QueryRows)" "std::min(hbm.keys, diagonal + QueryRows - 1)")

mistake(right_04 04_v3_hopper 1 "convert(P, S);" "convert(P, S);")
mistake(no_wait_for_K 04_v3_hopper 1 "wait(K.full(n), K.parity(n));" "")
mistake(no_wait_for_V 04_v3_hopper 1 "wait(V.full(use), V.parity(use));" "")
mistake(no_wait_for_a_product 04_v3_hopper 1 "wait_products<overlaps ? 1 : 0>(block);" "")
mistake(K_released_early 04_v3_hopper 1
  "wait_products<overlaps ? 1 : 0>(block);\n        arrive(K.empty(n));"
  "arrive(K.empty(n));\n        wait_products<overlaps ? 1 : 0>(block);")

mistake(right_06 06_flash_decoding 1 "convert(P, S);" "convert(P, S);")
mistake(mask_without_group 06_flash_decoding 1 "hbm.group, first_row)" "1, first_row)")
