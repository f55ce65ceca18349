package sdkconn

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
)

// SenderProfile is the part of a user's profile that a message carries.
type SenderProfile struct {
	FaceURL      string `json:"user_profile_face_url"`
	FriendRemark string `json:"user_profile_friend_remark"`
	Identifier   string `json:"user_profile_identifier"`
	NickName     string `json:"user_profile_nick_name"`

	Unknown jsontext.Value `json:",embed"`
}

// UserProfile is a user's full profile.
type UserProfile struct {
	AddPermission uint32         `json:"user_profile_add_permission"` // TIMProfileAddPermission
	Birthday      uint32         `json:"user_profile_birthday"`
	Custom        []CustomString `json:"user_profile_custom_string_array,omitempty"`
	FaceURL       string         `json:"user_profile_face_url"`
	Gender        uint32         `json:"user_profile_gender"` // TIMGenderType
	Identifier    string         `json:"user_profile_identifier"`
	Language      uint32         `json:"user_profile_language"`
	Level         uint32         `json:"user_profile_level"`
	Location      string         `json:"user_profile_location"`
	NickName      string         `json:"user_profile_nick_name"`
	Role          uint32         `json:"user_profile_role"`
	SelfSignature string         `json:"user_profile_self_signature"`

	Unknown jsontext.Value `json:",embed"`
}

// CustomString is one custom field of a profile.
type CustomString struct {
	Key   string `json:"user_profile_custom_string_info_key"`
	Value string `json:"user_profile_custom_string_info_value"`
}

// ProfileItems changes a user's own profile: the fields whose pointers are not nil, and Custom by key.
type ProfileItems struct {
	NickName      *string        `json:"user_profile_item_nick_name,omitzero"`
	FaceURL       *string        `json:"user_profile_item_face_url,omitzero"`
	SelfSignature *string        `json:"user_profile_item_self_signature,omitzero"`
	Location      *string        `json:"user_profile_item_location,omitzero"`
	Gender        *uint32        `json:"user_profile_item_gender,omitzero"`         // TIMGenderType
	AddPermission *uint32        `json:"user_profile_item_add_permission,omitzero"` // TIMProfileAddPermission
	Language      *uint32        `json:"user_profile_item_language,omitzero"`
	Birthday      *uint32        `json:"user_profile_item_birthday,omitzero"`
	Level         *uint32        `json:"user_profile_item_level,omitzero"`
	Role          *uint32        `json:"user_profile_item_role,omitzero"`
	Custom        []CustomString `json:"user_profile_item_custom_string_array,omitempty"`
}

// ProfileEditor is the ability to change one's own profile.
type ProfileEditor interface {
	// ProfileModifySelfUserProfile changes the caller's profile. Messages that he sends later carry it.
	// TIMProfileModifySelfUserProfile.
	ProfileModifySelfUserProfile(ctx context.Context, items ProfileItems) error
}

// Profiles is the ability to read users' profiles.
type Profiles interface {
	// ProfileGetUserProfileList returns the profiles of the users that exist, in the order asked.
	// TIMProfileGetUserProfileList.
	ProfileGetUserProfileList(ctx context.Context, users []string) ([]UserProfile, error)
}
