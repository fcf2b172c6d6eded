//! The list of stories of payments; the rest is in `suite.rs`. A store that keeps none of their promises fails them.

/// Makes one test of each story of payments, as [`contract_suite!`](crate::contract_suite) does of the others.
#[macro_export]
macro_rules! payment_suite {
    ($factory:ident) => {
        $crate::payment_suite!(@list __tests $factory);
    };
    (rooms $factory:ident) => {
        $crate::payment_suite!(@list __rooms $factory);
    };
    (@names) => {
        $crate::payment_suite!(@list __names none)
    };
    (@list $then:ident $factory:ident) => {
        $crate::$then! { $factory
            payments {
                attempts {
                    an_attempt_is_kept_as_it_was_opened
                    all_that_a_gateway_tells_of_an_attempt_is_kept
                    an_open_attempt_is_answered_again
                    of_twenty_who_open_at_once_one_opens
                    a_cart_is_ordered_once_and_keeps_its_lines
                    the_same_items_are_the_same_order_while_it_is_pending
                    of_ten_who_buy_the_same_items_at_once_one_orders
                    a_refused_attempt_leaves_nothing
                    nobody_pays_what_is_not_theirs_or_not_there
                    a_user_has_at_most_so_many_pending_orders
                    an_order_that_a_gateway_may_hold_stays_until_that_is_decided
                }
                events {
                    money_that_comes_pays_the_order
                    twenty_same_words_at_once_count_once
                    of_two_attempts_paid_at_once_one_pays_and_the_other_is_owed
                    a_claim_moves_nothing_and_fills_no_log
                    of_payments_that_we_never_made_only_sure_money_is_kept
                    a_word_of_a_payment_that_we_never_made_is_kept_once
                    the_log_tells_what_was_said_in_order
                    a_paid_cart_is_emptied_unless_it_is_another_by_now
                    a_person_closes_what_waits_for_them
                    what_is_open_is_due_again_and_again_and_what_is_decided_is_not
                    of_eight_who_claim_at_once_each_gets_others
                    what_is_paid_is_compared_by_one_and_again_until_its_money_went_back_or_it_is_old
                    what_a_person_has_judged_is_not_compared_again
                    what_waits_is_surveyed
                }
                transactions {
                    a_transaction_is_kept_as_it_was_begun
                    a_transaction_takes_the_attempt_that_the_buyer_opened
                    of_ten_transactions_at_once_one_holds_the_order
                    a_transaction_that_is_asked_of_two_orders_at_once_is_of_one
                    of_gateways_that_ask_at_once_one_takes_the_money
                    a_transaction_whose_time_is_over_is_ended
                    a_statement_goes_by_the_gateways_own_time
                }
                refunds {
                    a_refund_goes_back_in_parts_and_gives_the_stock_back_at_the_end
                    of_ten_refunds_begun_at_once_one_is
                    a_refund_that_was_refused_can_be_begun_again
                    stock_that_is_gone_stays_gone
                    what_was_not_paid_or_went_back_is_not_refunded
                    refunds_on_their_way_are_due
                    cash_is_recorded_once_and_goes_back_at_once
                    an_admin_who_began_a_refund_can_be_deleted_and_the_refund_stays
                    cash_for_an_order_that_a_gateway_holds_is_not_recorded
                    what_admins_record_by_status_is_in_the_books
                }
                notices {
                    money_that_comes_goes_back_or_needs_a_person_is_told_once
                    a_review_is_told_with_its_reason
                    an_attempt_that_ends_without_money_is_told_once
                    each_part_of_a_refund_is_told
                    cash_is_told_and_so_is_its_return
                    an_order_that_a_payment_places_is_told_with_it
                }
                histories {
                    a_random_history_loses_and_invents_nothing
                }
            }
        }
    };
}
