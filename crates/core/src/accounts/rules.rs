//! Rules of accounts and sessions.

use thiserror::Error;

use crate::types::{Timestamp, UserId};

/// Why an admin may not change or delete an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UserRefusal {
    /// It is their own: they would lock themselves out.
    #[error("it is the admin's own account")]
    OwnAccount,
    /// Nobody would run the shop any more.
    #[error("it is the last admin")]
    LastAdmin,
}

/// Whether `by`, who runs the shop, may change or delete the account `of` somebody. `loses_admin` says that they run the
/// shop now and would not afterwards; `admins` counts all who do.
///
/// # Errors
/// [`UserRefusal`] in the order of its variants.
pub fn decide_user_change(by: UserId, of: UserId, loses_admin: bool, admins: i64) -> Result<(), UserRefusal> {
    if by == of {
        Err(UserRefusal::OwnAccount)
    } else if loses_admin && admins <= 1 {
        Err(UserRefusal::LastAdmin)
    } else {
        Ok(())
    }
}

/// What is known of a refresh token that somebody presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedToken {
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// When it was exchanged for its successor.
    pub used_at: Option<Timestamp>,
    /// When its session was ended.
    pub session_ended_at: Option<Timestamp>,
    /// Past which nothing renews its session.
    pub session_cap_at: Option<Timestamp>,
}

/// What becomes of a presented refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshVerdict {
    /// It is exchanged for a successor.
    Renew,
    /// It is worth nothing.
    Refuse,
    /// Its session has reached its cap.
    SessionOver,
    /// It was exchanged before, longer ago than a lost answer explains: somebody else has it, the session ends.
    EndSession,
}

/// Judges a refresh token. Inside `leeway_seconds` of its first use it may be exchanged again, because an answer can be
/// lost on its way; with a leeway of 0 every second use ends the session (RFC 9700 section 4.14.2).
pub fn judge_refresh(token: &PresentedToken, now: Timestamp, leeway_seconds: i64) -> RefreshVerdict {
    if token.session_ended_at.is_some() {
        return RefreshVerdict::Refuse;
    }
    if token.session_cap_at.is_some_and(|cap| cap <= now) {
        return RefreshVerdict::SessionOver;
    }
    match token.used_at {
        Some(used) if leeway_seconds <= 0 || used.plus_seconds(leeway_seconds) < now => {
            RefreshVerdict::EndSession
        }
        _ if token.expires_at <= now => RefreshVerdict::Refuse,
        _ => RefreshVerdict::Renew,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn fresh() -> PresentedToken {
        PresentedToken {
            expires_at: NOW.plus_seconds(60),
            used_at: None,
            session_ended_at: None,
            session_cap_at: None,
        }
    }

    #[test]
    fn nobody_changes_themselves_and_the_last_admin_stays() {
        let (one, other) = (UserId::new(1), UserId::new(2));
        assert_eq!(decide_user_change(one, other, true, 2), Ok(()));
        assert_eq!(decide_user_change(one, other, false, 1), Ok(()));
        assert_eq!(decide_user_change(one, other, true, 1), Err(UserRefusal::LastAdmin));
        assert_eq!(decide_user_change(one, one, true, 1), Err(UserRefusal::OwnAccount));
        assert_eq!(decide_user_change(one, one, false, 9), Err(UserRefusal::OwnAccount));
    }

    #[test]
    fn a_fresh_token_renews() {
        assert_eq!(judge_refresh(&fresh(), NOW, 10), RefreshVerdict::Renew);
    }

    #[test]
    fn a_lost_answer_is_forgiven_inside_the_leeway() {
        let used = PresentedToken { used_at: Some(NOW.plus_seconds(-10)), ..fresh() };
        assert_eq!(judge_refresh(&used, NOW, 10), RefreshVerdict::Renew);
        assert_eq!(judge_refresh(&used, NOW, 9), RefreshVerdict::EndSession);
        let used_now = PresentedToken { used_at: Some(NOW), ..fresh() };
        assert_eq!(judge_refresh(&used_now, NOW, 0), RefreshVerdict::EndSession);
    }

    #[test]
    fn an_expired_token_that_was_stolen_still_tells() {
        let old = PresentedToken { used_at: Some(NOW.plus_seconds(-99)), expires_at: NOW, ..fresh() };
        assert_eq!(judge_refresh(&old, NOW, 10), RefreshVerdict::EndSession);
    }

    #[test]
    fn ended_expired_and_capped_sessions_are_told_apart() {
        let expired = PresentedToken { expires_at: NOW, ..fresh() };
        let ended = PresentedToken { session_ended_at: Some(NOW), session_cap_at: Some(NOW), ..fresh() };
        let capped = PresentedToken { session_cap_at: Some(NOW), ..fresh() };
        assert_eq!(judge_refresh(&expired, NOW, 10), RefreshVerdict::Refuse);
        assert_eq!(judge_refresh(&ended, NOW, 10), RefreshVerdict::Refuse);
        assert_eq!(judge_refresh(&capped, NOW, 10), RefreshVerdict::SessionOver);
    }
}
