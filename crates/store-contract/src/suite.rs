//! The list of stories: the only one, with its part in `suite_accounts.rs`. A story that is in neither fails
//! `every_story_is_in_the_list_once`.

/// Makes one test of each story of the contract, on a fresh store each.
///
/// Its argument is the name of an `async fn() -> TestStore` in the module where it is called. With `rooms` before it, each
/// room is one test, whose stories run side by side, each on a store of its own all the same.
#[macro_export]
macro_rules! contract_suite {
    ($factory:ident) => {
        $crate::contract_suite!(@list __tests $factory);
    };
    (rooms $factory:ident) => {
        $crate::contract_suite!(@list __rooms $factory);
    };
    (@names) => {
        $crate::contract_suite!(@list __names none)
    };
    (@list $then:ident $factory:ident) => {
        $crate::__with_accounts! { $then $factory
            catalog {
                categories {
                    a_category_is_kept_as_it_was_made
                    categories_are_listed_by_number_active_or_not
                    past_the_end_of_the_categories_there_are_none
                    a_category_that_is_not_there_is_not_found
                    a_name_of_a_category_is_taken_to_the_letter
                    of_twenty_categories_of_one_name_at_once_one_is_made
                    of_many_renamed_to_one_name_at_once_one_is
                    a_rename_to_a_taken_name_changes_nothing
                    a_category_may_keep_its_own_name
                    a_change_of_a_category_touches_only_what_it_names
                    products_show_the_present_name_of_their_category
                    a_deleted_category_leaves_its_products_without_one
                    a_deleted_category_frees_its_name_but_not_its_number
                }
                products {
                    a_product_is_kept_as_it_was_made
                    the_longest_names_and_the_greatest_numbers_are_kept
                    times_are_kept_to_the_microsecond
                    a_product_of_no_such_category_is_not_made
                    a_product_that_is_not_there_is_not_found
                    a_product_without_pictures_has_an_empty_list_of_them
                    a_deleted_product_is_gone_and_its_number_too
                    a_product_deleted_by_ten_at_once_is_deleted_once
                    a_deleted_product_leaves_every_cart
                }
                updates {
                    a_change_touches_only_what_it_names
                    everything_can_be_changed_at_once
                    a_change_into_no_such_category_changes_nothing
                    a_quantity_replaces_the_stock
                    the_switch_counts_as_the_rule_says
                    a_paused_product_keeps_its_stock_and_its_place_in_lists
                    orders_do_not_count_as_changes_of_a_product
                }
                lists {
                    equal_keys_are_ordered_by_number_in_the_same_direction
                    names_are_ordered_by_the_bytes_of_their_folded_form
                    prices_and_times_are_ordered_as_numbers
                    every_page_of_every_order_is_right
                    pages_that_start_inside_of_others_are_right_too
                    past_the_end_there_is_nothing_but_the_right_total
                    an_empty_catalogue_has_empty_pages
                    a_category_that_is_not_there_has_no_products
                    changes_move_products_to_their_new_places
                }
                counts {
                    totals_follow_each_change
                    refused_changes_count_nothing
                    totals_are_right_after_a_crowd_of_writers
                    a_category_deleted_while_products_move_into_it_leaves_right_counts
                }
            }
            images {
                additions {
                    pictures_are_kept_as_they_were_added
                    the_first_picture_of_all_stands_for_the_product
                    further_pictures_take_the_next_places
                    nothing_is_added_to_no_product
                    of_ten_uploads_at_once_one_brings_the_primary_one
                }
                primary {
                    a_chosen_picture_stands_for_the_product
                    the_next_follows_a_deleted_primary_one
                    another_picture_goes_without_a_change_of_the_primary_one
                    pictures_of_others_are_not_there
                    pictures_chosen_and_deleted_at_once_leave_one_in_front
                }
                shown {
                    pages_that_were_read_before_show_the_products_of_now
                }
                files {
                    a_deleted_picture_frees_its_files_until_they_are_forgotten
                    of_ten_who_delete_a_picture_at_once_one_does
                    a_file_stays_while_a_line_of_an_order_names_it
                    a_file_stays_while_another_product_shows_it
                    a_deleted_product_frees_the_files_that_nobody_needs
                    no_picture_of_an_order_is_unneeded_however_it_raced_the_deletion
                }
            }
            search {
                terms {
                    case_does_not_matter_in_any_script
                    every_keyboards_apostrophe_is_the_same
                    marks_mean_themselves
                    words_of_query_languages_are_words
                    blanks_count_like_letters
                    sizes_are_searched_but_never_across_the_border
                    terms_longer_than_every_name_find_nothing
                    characters_beyond_sixteen_bits_are_characters
                    characters_that_indexes_confuse_are_told_apart
                    a_change_of_the_name_or_the_size_is_found_at_once
                    a_change_back_is_found_too
                    a_search_stays_inside_its_category
                    past_the_end_of_a_search_the_total_is_right
                }
                scan {
                    short_terms_find_what_a_scan_finds
                    longer_terms_find_what_a_scan_finds
                    every_order_and_category_of_a_search_is_right
                    after_many_changes_a_search_still_finds_what_a_scan_finds
                    changes_made_at_once_are_all_found
                }
                deep {
                    pages_that_were_read_before_are_those_of_now
                    pages_read_while_the_list_changes_are_of_one_moment
                }
            }
            audit {
                records {
                    every_action_of_an_admin_leaves_one_record
                    what_is_refused_leaves_no_record
                    what_people_do_for_themselves_leaves_no_record
                    records_are_read_newest_first_and_part_by_part
                }
            }
            outbox {
                events {
                    an_order_that_is_placed_is_told_once
                    an_order_that_is_refused_is_not_told
                    orders_of_a_crowd_are_each_told_once
                    an_order_that_is_given_up_is_told
                    orders_that_expire_are_told
                    what_an_admin_records_by_status_is_told
                }
                deliveries {
                    each_target_gets_the_kinds_that_it_wants_once
                    an_event_that_nobody_wants_is_forgotten
                    of_eight_who_spread_at_once_each_event_is_given_once
                    of_eight_who_claim_at_once_each_gets_others
                    what_is_claimed_and_forgotten_is_due_again
                    what_failed_is_tried_more_and_more_rarely
                    what_has_failed_for_three_days_is_a_dead_letter
                    what_was_refused_is_a_dead_letter_at_once
                    dead_letters_are_read_newest_first_and_part_by_part
                    the_oldest_that_waits_and_the_dead_are_surveyed
                    a_dead_letter_is_replayed_once_and_that_is_recorded
                }
                sweeps {
                    what_was_delivered_is_forgotten_after_a_day_and_in_small_steps
                    an_event_stays_while_somebody_waits_for_it
                    dead_letters_are_forgotten_after_a_month
                    what_is_for_nobody_any_more_is_a_dead_letter_when_its_time_is_over
                    of_two_sweeps_at_once_none_leaves_an_event_behind
                }
            }
            cart {
                lines {
                    a_cart_is_made_empty_on_first_use
                    every_verb_makes_the_cart_that_it_needs
                    a_product_goes_into_the_cart_as_it_is_now
                    pairs_of_one_product_add_up_in_one_line
                    stock_and_sale_are_not_looked_at
                    what_is_not_sold_here_is_not_added
                    a_line_holds_fifty_thousand_pairs_and_no_more
                    a_cart_holds_a_thousand_lines_and_no_more
                    a_line_is_set_and_zero_removes_it
                    a_removed_line_is_gone_and_its_number_too
                    nobody_reaches_anothers_lines
                    a_cleared_cart_is_the_same_cart_without_lines
                    sums_are_exact_beyond_what_a_double_holds
                }
                versions {
                    every_change_moves_the_version_up
                    what_changes_nothing_leaves_the_version
                    clearing_an_empty_cart_is_no_change
                    a_version_never_comes_back
                }
                crowd {
                    fifty_who_open_one_cart_open_the_same
                    the_first_use_of_a_cart_by_many_verbs_makes_one
                    fifty_additions_of_one_product_at_once_add_up
                    different_products_added_at_once_all_arrive
                    additions_at_once_stop_at_the_bound_of_a_line
                    a_line_removed_by_ten_at_once_is_removed_once
                    a_product_deleted_while_it_is_added_is_in_no_cart
                }
            }
            orders {
                placing {
                    an_order_copies_the_products_as_they_are
                    its_stock_leaves_the_shelf
                    the_cart_is_emptied_only_if_asked_for
                    nothing_is_ordered_from_an_empty_cart
                    a_line_counts_for_so_many_pairs_at_most
                    a_total_is_exact_beyond_what_a_double_holds
                    a_product_that_is_not_on_sale_is_refused_by_name
                    too_few_pairs_are_refused_with_what_is_left
                    the_first_line_that_cant_be_had_is_named
                    later_changes_of_a_product_leave_the_lines_of_orders
                    the_number_of_an_order_is_never_given_again
                }
                limits {
                    too_many_pending_orders_stop_the_next
                    no_limit_is_no_limit
                    only_pending_orders_count_for_the_limit
                    a_repeat_is_answered_at_the_limit_too
                    an_empty_cart_comes_before_too_many_orders_and_these_before_the_stock
                    a_crowd_of_calls_never_passes_the_limit
                }
                repeats {
                    the_same_cart_gives_the_same_order
                    a_cart_that_the_order_itself_emptied_gives_that_order
                    a_repeat_may_ask_for_the_clearing_that_the_first_call_did_not
                    a_changed_cart_gives_a_new_order
                    a_cart_emptied_by_hand_is_an_empty_cart
                    an_order_that_is_no_longer_pending_is_not_given_again_from_an_emptied_cart
                    an_order_that_is_no_longer_pending_makes_room_for_a_new_one_from_a_kept_cart
                    six_calls_at_once_place_one_order
                    six_calls_at_once_that_disagree_on_the_clearing_place_one_order
                    a_repeat_answers_the_order_as_it_is_now
                    an_order_keeps_its_price_until_it_is_given_up
                    a_repeat_of_the_last_pair_is_not_out_of_stock
                    equal_carts_of_two_users_are_two_orders
                    a_product_deleted_from_the_cart_makes_it_another_cart
                    a_refused_call_is_not_remembered
                }
                keys {
                    a_key_answers_its_order_whatever_became_of_the_cart
                    a_key_answers_its_order_as_it_is_now
                    a_key_is_worth_nothing_after_a_day_whether_it_was_swept_or_not
                    a_key_of_another_request_is_refused
                    the_key_is_looked_at_before_the_cart
                    each_user_has_their_own_keys
                    a_key_is_kept_with_an_order_that_was_recognised_by_its_cart
                    two_keys_of_one_cart_are_one_order
                    a_refused_call_does_not_use_up_its_key
                    one_key_at_once_places_one_order
                    of_six_requests_under_one_key_at_once_one_gets_it
                    the_longest_keys_and_requests_are_kept
                    old_keys_are_forgotten_by_their_first_use
                    keys_are_forgotten_in_small_steps
                }
                lifecycle {
                    every_change_by_everybody_goes_as_the_rules_say
                    notes_are_kept_to_the_letter_and_taken_away
                    a_note_and_a_step_are_one_change
                    a_manual_payment_and_a_refund_are_the_orders_payment
                    orders_are_deleted_as_the_rules_say
                    an_order_that_is_not_there_is_not_found
                    payment_and_cancellation_at_once_agree_with_the_stock
                }
                lists {
                    the_newest_orders_come_first
                    at_most_so_many_are_listed_and_all_are_counted
                    a_walk_by_the_last_number_meets_each_order_once
                    the_list_continues_before_numbers_that_no_order_bears
                    a_user_without_orders_has_an_empty_list
                    orders_whose_payment_came_to_something_are_listed_apart
                    totals_are_right_after_a_crowd_placed_cancelled_and_deleted
                    a_list_ends_behind_the_order_that_reaches_the_bound_of_lines
                }
                expiry {
                    an_order_placed_at_the_bound_expires_and_one_placed_after_it_does_not
                    an_expired_order_is_cancelled_and_gives_its_stock_back
                    the_oldest_expire_first_and_at_most_so_many
                    only_pending_orders_expire
                    orders_from_before_1970_expire_too
                    four_who_expire_at_once_expire_each_order_once
                    an_order_of_a_deleted_product_expires
                }
            }
            stock {
                reservations {
                    a_cancelled_order_gives_its_stock_back_once
                    a_deleted_pending_order_gives_its_stock_back
                    a_refund_gives_the_stock_back_if_it_is_told_so
                    what_is_given_back_is_added_to_what_was_counted_since
                    the_pairs_ordered_are_given_back_whatever_the_cart_holds_now
                    stock_given_back_can_be_bought_at_once
                    an_order_of_a_deleted_product_can_be_given_up
                    an_order_given_up_in_three_ways_at_once_gives_its_stock_back_once
                    a_refund_made_by_eight_at_once_gives_the_stock_back_once
                }
                crowds {
                    two_buyers_of_the_last_pair_one_gets_it
                    sixty_buyers_of_thirty_seven_pairs_make_thirty_seven_orders
                    a_buyer_of_more_than_is_left_leaves_it_to_the_next
                    products_wanted_in_opposite_orders_do_not_deadlock_or_oversell
                    one_who_is_refused_does_not_spoil_it_for_the_others
                    an_admins_change_of_other_fields_loses_no_sale
                    a_count_of_the_stock_among_sales_never_ends_below_zero
                    a_product_deleted_among_sales_is_sold_or_gone
                    a_storm_of_orders_and_returns_keeps_every_pair
                }
            }
            seeding {
                large {
                    totals_without_a_search_are_exact_however_many_there_are
                    a_large_category_is_deleted_while_others_write
                    a_search_is_counted_exactly_up_to_ten_thousand
                    beyond_that_a_total_only_says_that_there_are_more
                    deep_pages_hold_the_right_products
                    rare_terms_of_a_large_catalogue_are_listed_in_every_order
                }
                stocking {
                    categories_are_numbered_from_one_in_their_order
                    products_are_stocked_as_they_are_described
                    the_first_picture_is_the_primary_one_and_they_keep_their_order
                    pictures_are_listed_only_when_they_are_wanted
                    stocked_products_are_listed_counted_and_found_like_others
                    a_catalogue_that_holds_something_is_not_stocked
                    of_four_who_stock_at_once_one_does
                    two_categories_of_one_name_stock_nothing
                    a_product_in_no_such_category_stocks_nothing
                    an_assortment_of_nothing_leaves_the_catalogue_empty
                    categories_without_products_are_stocked_too
                    what_is_made_after_stocking_gets_the_next_numbers
                    an_emptied_catalogue_is_stocked_from_category_one_again
                    a_stocked_product_is_deleted_with_its_pictures
                    progress_never_tells_more_than_there_is
                }
            }
            store {
                changes { every_change_is_told_before_its_answer the_last_pair_and_the_first_are_told_apart_from_counts
                    who_is_told_sees_the_change a_change_whose_caller_has_gone_is_told_too }
                prices {
                    every_call_counts_its_statements
                    a_page_of_products_costs_the_same_whatever_it_holds
                    a_product_costs_the_same_whatever_pictures_it_has
                    a_list_of_orders_costs_the_same_whatever_it_holds
                    a_cart_costs_the_same_whatever_it_holds
                    an_order_costs_the_same_whatever_the_cart_holds
                }
                writes {
                    a_fresh_store_gives_a_sign_of_life
                    every_write_is_seen_by_the_next_read
                    a_crowd_of_readers_and_writers_is_served
                    an_order_and_the_stock_that_it_took_are_seen_together
                    an_abandoned_addition_happens_whole_or_not_at_all
                    an_abandoned_order_is_placed_whole_or_not_at_all
                }
            }
        }
    };
}
