//! The part of the list that is about accounts.

/// The list with the stories of accounts in front.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_accounts {
    ($then:ident $factory:ident $($others:tt)*) => {
        $crate::$then! { $factory
            accounts {
                users {
                    a_user_is_kept_as_they_were_made
                    credentials_are_found_by_exactly_the_name
                    a_taken_name_is_told_before_a_taken_phone
                    both_taken_by_different_users_is_a_taken_name
                    twenty_strangers_who_come_at_once_are_all_made
                    of_twenty_who_take_one_name_at_once_one_gets_it
                    of_twenty_who_take_one_phone_at_once_one_gets_it
                    somebody_who_registers_is_signed_in
                    a_refused_registration_leaves_no_session
                    what_is_free_is_told_in_one_read
                    phones_differ_by_their_digits
                    admins_are_listed_by_number
                    a_reset_changes_one_users_password_and_ends_their_sessions
                    nobodys_password_is_not_reset
                }
                lists {
                    users_are_listed_newest_first_page_by_page
                    those_who_run_the_shop_are_listed_alone_and_so_are_the_others
                    lists_and_totals_follow_each_change_of_users
                    pages_of_users_that_were_read_before_are_those_of_now
                    users_are_found_by_name_surname_and_phone_in_any_case
                    a_change_of_a_user_is_found_at_once
                    a_search_of_users_finds_what_a_scan_finds
                    a_page_of_users_costs_two_statements
                }
                changes {
                    a_user_is_found_by_number
                    a_profile_changes_in_what_is_named
                    a_change_takes_nobodys_name_or_phone
                    of_twenty_renamed_to_one_name_at_once_one_is
                    another_password_ends_all_other_sessions
                    a_password_checked_against_an_old_one_is_not_changed
                    an_admin_changes_somebody_else_in_what_is_named
                    admins_leave_their_own_account_alone
                    the_last_admin_is_neither_demoted_nor_deleted
                    however_many_demote_each_other_an_admin_is_left
                }
                deletion {
                    somebody_without_orders_is_gone_with_their_cart_and_sessions
                    orders_stay_when_their_buyer_is_deleted_and_nothing_else_does
                    many_with_orders_can_be_deleted_one_after_the_other
                    an_admin_who_recorded_payments_can_be_deleted_and_the_payments_stay
                    deleting_somebody_costs_the_same_whatever_they_leave
                }
                resets {
                    a_code_makes_the_password_real_once_and_ends_all_sessions
                    a_waiting_password_is_forgotten_when_its_time_is_over
                    five_wrong_codes_burn_a_reset_and_asking_anew_does_not_help
                    three_codes_are_sent_and_the_last_one_counts
                    an_admin_approves_what_waits_and_nothing_replaces_it
                    a_code_that_was_not_delivered_leaves_it_to_an_admin
                    a_refused_password_is_forgotten
                    admins_and_nobody_reset_nothing
                    of_ten_confirmations_at_once_one_succeeds
                    a_sweep_forgets_resets_whose_time_is_over
                }
                upgrades {
                    an_upgrade_changes_the_password_and_nothing_else
                    a_password_that_was_changed_meanwhile_is_not_undone
                    of_ten_upgrades_at_once_one_is_made
                }
                sessions {
                    a_session_tells_whose_it_is
                    a_session_of_nobody_is_not_opened
                    a_password_that_was_changed_since_its_check_opens_no_session
                    an_ended_session_is_worth_nothing
                    ending_a_session_again_or_one_that_is_unknown_changes_nothing
                    a_session_past_its_cap_is_for_the_caller_to_see
                    a_renewal_races_with_the_end_and_loses_in_the_end
                    a_sweep_forgets_what_has_expired_and_nothing_else
                    a_session_with_a_token_left_survives_the_sweep
                    ended_sessions_are_swept_like_others
                    a_sweep_goes_in_small_steps
                    an_empty_sweep_sweeps_nothing
                }
                generations {
                    every_end_of_a_session_moves_the_generation
                    every_change_of_a_user_moves_the_generation
                    an_abandoned_end_of_a_session_moves_the_generation_too
                    what_was_read_under_a_generation_that_stands_is_not_old
                }
                rotation {
                    a_token_is_exchanged_for_its_successor
                    an_unknown_token_is_refused_and_issues_nothing
                    an_expired_token_is_refused_but_its_session_goes_on
                    nothing_renews_a_session_at_its_cap
                    a_lost_answer_is_forgiven_inside_the_leeway
                    the_leeway_is_counted_from_the_first_use
                    a_reuse_past_the_leeway_ends_the_session_and_no_other
                    an_expired_token_that_was_used_ends_the_session_too
                    without_a_leeway_the_second_use_ends_the_session
                    of_fifty_exchanges_at_once_without_a_leeway_one_wins_and_the_session_ends
                    of_twenty_exchanges_at_once_inside_the_leeway_each_gets_a_successor
                    a_renewal_at_the_moment_of_a_reset_does_not_outlive_it
                }
            }
            $($others)*
        }
    };
}
