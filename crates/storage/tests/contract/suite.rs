//! The list of what every store must do.

#[path = "call_history.rs"]
pub(crate) mod call_history;
#[path = "chat.rs"]
pub(crate) mod chat;
#[path = "feed.rs"]
pub(crate) mod feed;
#[path = "identity.rs"]
pub(crate) mod identity;
#[path = "laws.rs"]
pub(crate) mod laws;
#[path = "meetings.rs"]
pub(crate) mod meetings;
#[path = "outbox.rs"]
pub(crate) mod outbox;
#[path = "policy.rs"]
pub(crate) mod policy;
#[path = "presence.rs"]
pub(crate) mod presence;
#[path = "push_endpoints.rs"]
pub(crate) mod push_endpoints;
#[path = "repeatability.rs"]
pub(crate) mod repeatability;
#[path = "rooms.rs"]
pub(crate) mod rooms;

use std::fmt;

use trunkline_storage::Store;

/// A place for one store, which can be opened again after it was closed.
pub(crate) trait Backend {
    type Store: Store + fmt::Debug + 'static;

    /// Makes an empty place.
    fn new() -> Self;

    async fn open(&self) -> Self::Store;
}

/// Makes a test of each promise for a backend.
macro_rules! contract {
    ($module:ident, $backend:ident) => {
        $crate::suite::contract!(
            @tests $module, $backend,
            call_history {
                a_call_comes_back_as_it_was;
                a_call_is_in_a_history_once;
                calls_are_listed_from_the_newest_page_by_page;
                missed_calls_count_until_they_are_seen;
                history_is_bounded_by_number_age_and_names;
                a_history_goes_with_its_user;
            }
            chat {
                a_thread_comes_back_as_it_is;
                a_thread_that_was_not_made_is_not_found;
                a_unit_is_written_as_a_whole_or_not_at_all;
                edits_and_deletions_replace_the_message;
                every_message_is_found_by_its_id_and_no_other;
                pages_go_back_from_the_newest_and_stand_still_under_writes;
                pages_end_where_shared_history_begins;
                members_come_and_go_with_their_receipts;
                lists_of_threads_go_back_from_the_newest;
                threads_expire_in_order_and_not_once_they_are_deleted;
                deleted_threads_stay_listed_and_lose_their_messages;
                texts_are_kept_byte_for_byte;
            }
            feed {
                places_rise_in_commit_order_over_all_threads;
                a_member_is_told_from_coming_to_going;
                who_may_not_see_a_message_is_not_told_of_its_edit;
                a_cursor_that_is_too_old_or_ahead_is_lost_by_name;
                pruning_spares_the_young_and_what_is_still_to_be_delivered;
                places_are_not_given_twice_even_when_all_are_pruned;
            }
            identity {
                resources_come_back_with_their_keys;
                one_key_is_rotated_and_the_other_stays;
                app_users_are_made_once_and_listed_in_order;
                a_list_of_users_stands_still_while_users_go;
                revoking_counts_up_and_deleting_revokes;
                directories_have_one_user_for_each_alias;
                debug_shows_no_key;
            }
            laws {
                feeds_logs_and_records_agree_with_what_was_committed;
            }
            meetings {
                a_meeting_comes_back_as_it_is_and_goes_on;
                a_meeting_is_found_by_each_of_its_locators;
                join_ids_and_coordinates_belong_to_one_meeting;
                meetings_are_listed_in_the_order_of_their_making;
                all_codes_come_page_by_page;
                debug_shows_neither_code_nor_person;
            }
            outbox {
                a_partition_is_open_from_its_first_event_to_its_last;
                subscriptions_come_back_with_their_secret;
                events_become_deliveries_once_and_the_cursor_moves;
                only_wanted_kinds_are_delivered;
                nothing_is_delivered_before_validation;
                one_partition_waits_for_itself_and_for_no_other;
                a_retry_is_due_later_and_holds_its_partition;
                a_delivery_is_taken_once_and_again_after_a_restart;
                a_delivery_that_is_postponed_comes_later_and_counts_no_attempt;
                a_clock_that_is_set_back_stops_no_delivery;
                a_dead_letter_keeps_its_event_and_can_be_revived;
                events_that_are_too_old_become_dead_letters_up_to_the_first_that_is_not;
                dead_letters_are_bounded_by_age_and_number;
                a_subscription_goes_with_all_that_it_has;
                deliveries_name_the_recipients_of_their_moment;
                other_events_are_logged_beside_those_of_chat;
            }
            policy {
                what_administrators_set_comes_back;
                grants_replace_each_other_and_keep_their_order;
                nothing_is_set_for_a_tenant_that_does_not_exist;
            }
            presence {
                what_is_preferred_is_kept_replaced_and_forgotten;
            }
            push_endpoints {
                a_client_is_kept_replaced_and_forgotten;
                clients_of_one_name_belong_to_their_users;
                clients_not_seen_for_long_go_the_oldest_first;
            }
            repeatability {
                the_first_is_carried_out_and_the_rest_get_its_answer;
                another_request_under_the_same_id_is_refused;
                of_many_at_once_one_is_first;
                a_reservation_that_is_dropped_makes_way;
                answers_are_kept_for_a_day;
                an_answer_is_written_with_the_work_or_not_at_all;
            }
            rooms {
                a_room_comes_back_as_it_is;
                rooms_are_listed_from_the_newest_on;
                a_room_of_another_resource_is_not_replaced;
                a_repeated_request_makes_no_second_room;
            }
        );
    };
    (@tests $module:ident, $backend:ident, $($part:ident { $($promise:ident;)* })*) => {
        mod $module {
            $(
                mod $part {
                    use $crate::suite::Backend;

                    $(
                        #[tokio::test]
                        async fn $promise() {
                            let backend = $crate::$backend::new();
                            $crate::suite::$part::$promise(&backend).await;
                        }
                    )*
                }
            )*
        }
    };
}

pub(crate) use contract;
