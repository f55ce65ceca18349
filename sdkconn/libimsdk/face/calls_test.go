package face

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// withGroup has Alice, who is logged in, make a Meeting called team in which Bob is.
func withGroup(t *testing.T) *SDK {
	s := open(t)
	for _, user := range []string{"bob", "carol", "alice"} {
		as(t, s, user)
	}
	good(t, func(r Reply) sdkconn.Code {
		return s.GroupCreate(`{"create_group_param_group_name":"Team","create_group_param_group_id":"team","create_group_param_group_type":2}`, r)
	})
	contains(t, good(t, func(r Reply) sdkconn.Code {
		return s.GroupInviteMember(`{"group_invite_member_param_group_id":"team","group_invite_member_param_identifier_array":["bob","nobody"]}`, r)
	}), `{"group_invite_member_result_identifier":"bob","group_invite_member_result_result":1}`, `{"group_invite_member_result_identifier":"nobody","group_invite_member_result_result":0}`)
	return s
}

func TestGroups(t *testing.T) {
	s := withGroup(t)
	contains(t, good(t, s.GroupGetJoinedGroupList), `"group_base_info_group_id":"team"`, `"group_base_info_group_type":2`, `"group_self_info_role":400`)
	contains(t, good(t, func(r Reply) sdkconn.Code { return s.GroupGetGroupInfoList(`["team","none",7]`, r) }),
		`"group_detail_info_group_name":"Team"`, `"get_groups_info_result_code":10010`)
	members := func(more string) string {
		return good(t, func(r Reply) sdkconn.Code {
			return s.GroupGetMemberInfoList(`{"group_get_members_info_list_param_group_id":"team"`+more+`}`, r)
		})
	}
	contains(t, members(""), `"group_member_info_identifier":"alice"`, `"group_member_info_identifier":"bob"`, `"group_get_member_info_list_result_next_seq":0`)
	for more, who := range map[string]string{
		`,"group_get_members_info_list_param_identifier_array":["bob"]`:                            "bob",
		`,"group_get_members_info_list_param_option":{"group_member_get_info_option_role_flag":1}`: "alice",
	} {
		if got := members(more); strings.Count(got, `"group_member_info_identifier"`) != 1 || !strings.Contains(got, `"`+who+`"`) {
			t.Errorf("%s: %s", more, got)
		}
	}
	good(t, func(r Reply) sdkconn.Code {
		return s.GroupModifyMemberInfo(`{"group_modify_member_info_group_id":"team","group_modify_member_info_identifier":"bob",`+
			`"group_modify_member_info_modify_flag":10,"group_modify_member_info_member_role":300,"group_modify_member_info_name_card":"Bobby"}`, r)
	})
	contains(t, members(""), `"group_member_info_member_role":300`, `"group_member_info_name_card":"Bobby"`)
	good(t, func(r Reply) sdkconn.Code {
		return s.GroupModifyGroupInfo(`{"group_modify_info_param_group_id":"team","group_modify_info_param_modify_flag":-2147483648,`+
			`"group_modify_info_param_owner":"bob"}`, r)
	})
	for name, call := range map[string]func(Reply) sdkconn.Code{
		"visible": func(r Reply) sdkconn.Code {
			return s.GroupModifyGroupInfo(`{"group_modify_info_param_group_id":"team","group_modify_info_param_modify_flag":64}`, r)
		},
		"custom of a member": func(r Reply) sdkconn.Code {
			return s.GroupModifyMemberInfo(`{"group_modify_member_info_group_id":"team","group_modify_member_info_modify_flag":16}`, r)
		},
		"a ban": func(r Reply) sdkconn.Code {
			return s.GroupDeleteMember(`{"group_delete_member_param_group_id":"team","group_delete_member_param_duration":5}`, r)
		},
		"anything else": s.Unsupported,
	} {
		if a := ask(t, call); a.code != sdkconn.CodeInterfaceNotSupport {
			t.Errorf("%s: %+v", name, a)
		}
	}
	as(t, s, "carol")
	good(t, func(r Reply) sdkconn.Code { return s.GroupJoin("team", "hello", r) })
	as(t, s, "bob")
	contains(t, good(t, func(r Reply) sdkconn.Code {
		return s.GroupDeleteMember(`{"group_delete_member_param_group_id":"team","group_delete_member_param_identifier_array":["carol"],"group_delete_member_param_user_data":"why"}`, r)
	}), `{"group_delete_member_result_identifier":"carol","group_delete_member_result_result":1}`)
	good(t, func(r Reply) sdkconn.Code { return s.GroupDelete("team", r) })
	if a := ask(t, func(r Reply) sdkconn.Code { return s.GroupQuit("team", r) }); a.code != sdkconn.CodeGroupNotFound {
		t.Errorf("a group that is no more: %+v", a)
	}
}

func TestPendencies(t *testing.T) {
	s := open(t)
	for _, user := range []string{"bob", "alice"} {
		as(t, s, user)
	}
	good(t, func(r Reply) sdkconn.Code {
		return s.GroupCreate(`{"create_group_param_group_name":"Public","create_group_param_group_id":"public","create_group_param_group_type":0}`, r)
	})
	as(t, s, "bob")
	good(t, func(r Reply) sdkconn.Code { return s.GroupJoin("public", "let me in", r) })
	as(t, s, "alice")
	page := good(t, func(r Reply) sdkconn.Code {
		return s.GroupGetPendencyList(`{"group_pendency_option_max_limited":9}`, r)
	})
	contains(t, page, `"group_pendency_apply_invite_msg":"let me in"`, `"group_pendency_result_unread_num":1`)
	good(t, func(r Reply) sdkconn.Code { return s.GroupReportPendencyReaded(1<<50, r) })
	_, list, _ := strings.Cut(page, `"group_pendency_result_pendency_array":[`)
	one, _, _ := strings.Cut(list, "}")
	good(t, func(r Reply) sdkconn.Code {
		return s.GroupHandlePendency(`{"group_handle_pendency_param_is_accept":true,"group_handle_pendency_param_pendency":`+one+`}}`, r)
	})
	contains(t, good(t, func(r Reply) sdkconn.Code {
		return s.GroupGetMemberInfoList(`{"group_get_members_info_list_param_group_id":"public"}`, r)
	}), `"bob"`)
}

func TestConversations(t *testing.T) {
	s := withGroup(t)
	as(t, s, "carol")
	if a := ask(t, s.ConvGetConvList); a.code != 0 || a.desc != "no conversation" || a.json != "[]" {
		t.Errorf("nothing there: %+v", a)
	}
	good(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("alice", 1, text("from Carol"), r) })
	as(t, s, "alice")
	good(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text("to Bob"), r) })
	contains(t, good(t, s.ConvGetConvList), `"conv_id":"bob"`, `"conv_id":"carol"`, `"conv_id":"team"`)
	one := good(t, func(r Reply) sdkconn.Code {
		return s.ConvGetConvInfo(`[{"get_conversation_list_param_conv_id":"carol","get_conversation_list_param_conv_type":1},`+
			`{"get_conversation_list_param_conv_id":"none","get_conversation_list_param_conv_type":1}]`, r)
	})
	if strings.Count(one, `"conv_show_name"`) != 1 || !strings.Contains(one, `"conv_unread_num":1`) {
		t.Errorf("got %s", one)
	}
	page := func(next uint64) string {
		return good(t, func(r Reply) sdkconn.Code {
			return s.ConvGetConversationListByFilter(`{"conversation_list_filter_conv_type":1}`, next, 1, r)
		})
	}
	contains(t, page(0), `"conversation_list_result_is_finished":false`, `"conversation_list_result_next_seq":1`)
	contains(t, page(1), `"conversation_list_result_is_finished":true`, `"conversation_list_result_next_seq":0`)
	contains(t, good(t, func(r Reply) sdkconn.Code {
		return s.ConvGetUnreadMessageCountByFilter(`{"conversation_list_filter_has_unread_count":true}`, r)
	}), `:1}`)
	good(t, func(r Reply) sdkconn.Code { return s.ConvPinConversation("bob", 1, true, r) })
	contains(t, good(t, s.ConvGetConvList), `"conv_is_pinned":true`)
	good(t, func(r Reply) sdkconn.Code { return s.MsgSetC2CReceiveMessageOpt(`["bob"]`, 2, r) })
	good(t, func(r Reply) sdkconn.Code { return s.MsgSetGroupReceiveMessageOpt("team", 1, r) })
	contains(t, good(t, s.ConvGetConvList), `"conv_recv_opt":2`, `"conv_recv_opt":1`)
	good(t, s.MsgMarkAllMessageAsRead)
	contains(t, good(t, s.ConvGetTotalUnreadMessageCount), `:0}`)
	good(t, func(r Reply) sdkconn.Code { return s.ConvDelete("bob", 1, r) })
	if got := good(t, s.ConvGetConvList); strings.Contains(got, `"conv_id":"bob"`) {
		t.Errorf("it is still there: %s", got)
	}
	good(t, func(r Reply) sdkconn.Code { return s.ConvCreate("bob", 1, r) })
	for _, id := range []string{"", "c2c", "group", "group_team", "c2c_carol"} {
		good(t, func(r Reply) sdkconn.Code { return s.ConvCleanConversationUnreadMessageCount(id, 1, 1, r) })
	}
	for _, id := range []string{"carol", "c2c_", "x_carol"} {
		if a := ask(t, func(r Reply) sdkconn.Code { return s.ConvCleanConversationUnreadMessageCount(id, 0, 0, r) }); a.code != sdkconn.CodeInvalidConversation {
			t.Errorf("%q: %+v", id, a)
		}
	}
}

func TestProfilesFriendsAndBlackList(t *testing.T) {
	s := withGroup(t)
	self, hear := channel()
	s.SetSelfInfoUpdatedCallback(hear)
	good(t, func(r Reply) sdkconn.Code {
		return s.ProfileModifySelfUserProfile(`{"user_profile_item_nick_name":"Al"}`, r)
	})
	contains(t, hears(t, self), `"user_profile_nick_name":"Al"`)
	contains(t, good(t, func(r Reply) sdkconn.Code {
		return s.ProfileGetUserProfileList(`{"friendship_getprofilelist_param_identifier_array":["alice","none"]}`, r)
	}), `"user_profile_nick_name":"Al"`)

	contains(t, good(t, func(r Reply) sdkconn.Code {
		return s.FriendshipAddFriend(`{"friendship_add_friend_param_identifier":"bob","friendship_add_friend_param_friend_type":1}`, r)
	}), `"friend_result_code":0`, `"friend_result_identifier":"bob"`)
	contains(t, good(t, s.FriendshipGetFriendProfileList), `"friend_profile_identifier":"bob"`, `"user_profile_identifier":"bob"`)
	contains(t, good(t, func(r Reply) sdkconn.Code {
		return s.FriendshipDeleteFriend(`{"friendship_delete_friend_param_identifier_array":["bob","none"],"friendship_delete_friend_param_friend_type":1}`, r)
	}), `"friend_result_code":0`, `"friend_result_code":20003`)
	if got := good(t, s.FriendshipGetFriendProfileList); got != "[]" {
		t.Errorf("friends: %s", got)
	}
	if got := good(t, s.FriendshipGetBlackList); got != "[]" {
		t.Errorf("black list: %s", got)
	}
	good(t, func(r Reply) sdkconn.Code { return s.FriendshipAddToBlackList(`["bob"]`, r) })
	contains(t, good(t, s.FriendshipGetBlackList), `"friend_profile_identifier":"bob"`)
	as(t, s, "bob")
	a := ask(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("alice", 1, text("x"), r) })
	if a.code != sdkconn.CodeSvrMsgInPeerBlacklist || !strings.Contains(a.json, `"message_status":3`) {
		t.Errorf("to somebody who does not want it: %+v", a)
	}
	as(t, s, "alice")
	good(t, func(r Reply) sdkconn.Code { return s.FriendshipDeleteFromBlackList(`["bob"]`, r) })
	if got := good(t, s.FriendshipGetBlackList); got != "[]" {
		t.Errorf("black list: %s", got)
	}
}

func TestHistory(t *testing.T) {
	s := withGroup(t)
	var ids []string
	for _, word := range []string{"one", "two", "three"} {
		id, code := s.MsgSendMessage("bob", 1, text(word), nil)
		if code != 0 || id == "" {
			t.Fatalf("%q, %d", id, code)
		}
		ids = append(ids, id)
	}
	contains(t, good(t, func(r Reply) sdkconn.Code { return s.MsgFindMessages(`["`+ids[1]+`"]`, r) }), `"two"`)
	contains(t, good(t, func(r Reply) sdkconn.Code {
		return s.MsgSearchLocalMessages(`{"msg_search_param_keyword_array":["THREE"],"msg_search_param_conv_id":"bob","msg_search_param_conv_type":1}`, r)
	}), `"msg_search_result_total_count":1`, `"three"`)
	page := good(t, func(r Reply) sdkconn.Code { return s.MsgGetMsgList("bob", 1, `{"msg_getmsglist_param_count":2}`, r) })
	if strings.Index(page, "three") > strings.Index(page, "two") || strings.Contains(page, `"one"`) {
		t.Errorf("got %s", page)
	}
	contains(t, good(t, func(r Reply) sdkconn.Code {
		return s.MsgGetMsgList("bob", 1, `{"msg_getmsglist_param_count":-1}`, r)
	}), `"one"`)
	custom := strings.Replace(good(t, func(r Reply) sdkconn.Code { return s.MsgFindMessages(`["`+ids[0]+`"]`, r) }), `"message_custom_int":0`, `"message_custom_int":7`, 1)
	good(t, func(r Reply) sdkconn.Code { return s.MsgSetLocalCustomData(strings.Trim(custom, "[]"), r) })
	contains(t, good(t, func(r Reply) sdkconn.Code { return s.MsgFindMessages(`["`+ids[0]+`"]`, r) }), `"message_custom_int":7`)

	good(t, func(r Reply) sdkconn.Code { return s.MsgListDelete("bob", 1, custom, r) })
	if got := good(t, func(r Reply) sdkconn.Code { return s.MsgGetMsgList("bob", 1, `{"msg_getmsglist_param_count":9}`, r) }); strings.Contains(got, `"one"`) {
		t.Errorf("it is still there: %s", got)
	}
	good(t, func(r Reply) sdkconn.Code { return s.MsgClearHistoryMessage("bob", 1, r) })
	if got := good(t, func(r Reply) sdkconn.Code { return s.MsgGetMsgList("bob", 1, `{"msg_getmsglist_param_count":9}`, r) }); got != "[]" {
		t.Errorf("it is still there: %s", got)
	}

	merged := good(t, func(r Reply) sdkconn.Code {
		return s.MsgSendNewMsg("bob", 1, `{"message_elem_array":[{"elem_type":12,"merge_elem_title":"t","merge_elem_compatible_text":"c",`+
			`"merge_elem_abstract_array":["a"],"merge_elem_message_array":`+good(t, func(r Reply) sdkconn.Code { return s.MsgFindMessages(`["`+ids[2]+`"]`, r) })+`}]}`, r)
	})
	contains(t, good(t, func(r Reply) sdkconn.Code { return s.MsgDownloadMergerMessage(merged, r) }), `"three"`)
	if a := ask(t, func(r Reply) sdkconn.Code { return s.MsgCancelSend("bob", 1, ids[0], r) }); a.code != sdkconn.CodeInvalidCancelMessage || a.json != "{}" {
		t.Errorf("too late: %+v", a)
	}
}

// strange holds things that the SDK does not know.
const strange = `{"message_elem_array":[{"elem_type":99,"x":"nobody knows"},7,{"text_elem_content":"known"}],"message_x":"nobody knows"}`

func TestWhatTheSDKDoesNotKnowIsLeftOut(t *testing.T) {
	s := withGroup(t)
	sent := good(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, strange, r) })
	contains(t, sent, `"message_elem_array":[{"elem_type":0,"text_elem_content":"known"}]`)
	if strings.Contains(sent, "nobody knows") {
		t.Errorf("got %s", sent)
	}
}

func TestAMessageMayBeTooLong(t *testing.T) {
	s := withGroup(t)
	a := ask(t, func(r Reply) sdkconn.Code { return s.MsgSendNewMsg("bob", 1, text(strings.Repeat("x", 1<<20)), r) })
	if a.code != sdkconn.CodeMsgBodySizeLimit || !strings.Contains(a.json, `"message_status":3`) {
		t.Errorf("a megabyte: %d %s", a.code, a.desc)
	}
}

func TestSendsThatTellTheirIdFirst(t *testing.T) {
	s := withGroup(t)
	said := make(chan string, 10)
	say := func(who string) Reply {
		return func(code sdkconn.Code, desc, json string) { said <- who + " " + desc + " " + json }
	}
	if code := s.MsgSendNewMsgEx("team", 2, text("x"), say("id"), say("result")); code != 0 {
		t.Fatal(code)
	}
	first, second := hears(t, said), hears(t, said)
	contains(t, first, `id ok {"message_conv_id":"team","message_conv_type":2,"message_msg_id":"`)
	_, id, _ := strings.Cut(first, `"message_msg_id":`)
	contains(t, second, "result ", `"message_msg_id":`+strings.TrimSuffix(id, "}"))
}

func TestFilesGoUpAndDown(t *testing.T) {
	s := withGroup(t)
	dir := t.TempDir()
	picture := filepath.Join(dir, "p.bmp")
	if err := os.WriteFile(picture, []byte("BM as a picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	ups := make(chan [3]uint32, 100)
	s.SetMsgElemUploadProgressCallback(func(json string, elem, current, total uint32) {
		contains(t, json, "p.bmp")
		ups <- [3]uint32{elem, current, total}
	})
	sent := good(t, func(r Reply) sdkconn.Code {
		return s.MsgSendNewMsg("bob", 1, `{"message_elem_array":[{"elem_type":4,"file_elem_file_path":"`+picture+`"}]}`, r)
	})
	for up := hears(t, ups); up != [3]uint32{0, 15, 15}; up = hears(t, ups) {
	}
	_, url, _ := strings.Cut(sent, `"file_elem_url":"`)
	url, _, _ = strings.Cut(url, `"`)
	// A picture is asked for by its URL and no type that the SDK has.
	to := filepath.Join(dir, "down")
	var progress []string
	done := make(chan answer, 1)
	if code := s.MsgDownloadElemToPath(`{"msg_download_elem_param_type":100,"msg_download_elem_param_url":"`+url+`"}`, to, func(code sdkconn.Code, desc, json string) {
		if desc == "downloading" {
			progress = append(progress, json)
			return
		}
		done <- answer{0, code, desc, json}
	}); code != 0 {
		t.Fatal(code)
	}
	a := hears(t, done)
	if a.code != 0 || len(progress) < 2 || a.json != `{"msg_download_elem_result_current_size":15,"msg_download_elem_result_total_size":15}` {
		t.Errorf("%+v after %q", a, progress)
	}
	if got, err := os.ReadFile(to); err != nil || string(got) != "BM as a picture" {
		t.Errorf("%q, %v", got, err)
	}
	if a := ask(t, func(r Reply) sdkconn.Code {
		return s.MsgDownloadElemToPath(`{"msg_download_elem_param_url":"`+url+`"}`, filepath.Join(dir, "no", "folder"), r)
	}); a.code != sdkconn.CodeIOOperationFailed {
		t.Errorf("nowhere to put it: %+v", a)
	}
}

func TestBatches(t *testing.T) {
	s := withGroup(t)
	send := func(users string) answer {
		return ask(t, func(r Reply) sdkconn.Code {
			return s.MsgBatchSend(`{"msg_batch_send_param_identifier_array":`+users+`,"msg_batch_send_param_msg":`+text("x")+`}`, r)
		})
	}
	a := send(`["bob","none"]`)
	if a.code != 0 {
		t.Errorf("some: %+v", a)
	}
	contains(t, a.json, `"msg_batch_send_result_code":0`, `"msg_batch_send_result_code":20003`, `"message_sender":"alice"`)
	if a := send(`["none"]`); a.code != sdkconn.CodeSvrMsgInvalidID {
		t.Errorf("none: %+v", a)
	}
	if a := send(`[]`); a.code != sdkconn.CodeInvalidParameters || a.json != "[]" {
		t.Errorf("to nobody: %+v", a)
	}
	a = ask(t, func(r Reply) sdkconn.Code {
		return s.MsgBatchSend(`{"msg_batch_send_param_identifier_array":["bob"],"msg_batch_send_param_msg":`+strange+`}`, r)
	})
	if a.code != 0 || strings.Contains(a.json, "nobody knows") {
		t.Errorf("with things that nobody knows: %+v", a)
	}
	// What the SDK does not know is left out, and without a message there is nothing to be sent.
	a = ask(t, func(r Reply) sdkconn.Code {
		return s.MsgBatchSend(`{"msg_batch_send_param_identifier_array":["bob"],"msg_batch_send_param_msg":{"message_elem_array":[{"elem_type":99}]}}`, r)
	})
	if a.code != sdkconn.CodeInvalidMsgElem {
		t.Errorf("elements that are unknown: %+v", a)
	}
	if ret := s.MsgBatchSend(`{"msg_batch_send_param_identifier_array":["bob"],"msg_batch_send_param_msg":{}}`, nil); ret != sdkconn.CodeJSON {
		t.Errorf("an empty message: %d", ret)
	}
}
